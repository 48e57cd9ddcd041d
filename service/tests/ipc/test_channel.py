"""A full socket delays messages and loses none."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.core import Outcome
from hotpath.ipc.channel import PACKET, Channel, link
from hotpath.ipc.messages import Hello, Message, Result, Status


def test_messages_beyond_the_sockets_room_arrive_in_order_after_flushing() -> None:
    near, far = link()
    sender, receiver = Channel(near), Channel(far)
    count = 0
    while not sender.waiting:
        sender.send(Hello(count))
        count += 1
    for _ in range(10):
        sender.send(Hello(count))
        count += 1
    arrived: List[Message] = []
    while len(arrived) < count:
        arrived.extend(receiver.receive())
        sender.flush()
    assert arrived == [Hello(number) for number in range(count)]
    assert not sender.waiting


def test_nothing_to_receive_is_no_error() -> None:
    _, far = link()
    assert list(Channel(far).receive()) == []


def answer(number: int, size: int) -> Result:
    """A message of at least so many bytes, which look like no other's."""
    said = bytes([number % 251 + 1]) * size
    return Result(1, number, Outcome(Status.OK, said, 1, 0.0, 0.0))


SIZES = st.sampled_from([1, PACKET - 40, PACKET, 3 * PACKET, 20 * PACKET])


@given(st.lists(SIZES, max_size=6), st.booleans())
def test_messages_of_any_length_arrive_whole_and_in_order(sizes: List[int], together: bool) -> None:
    near, far = link()
    sender, receiver = Channel(near), Channel(far)
    sent = [answer(number, size) for number, size in enumerate(sizes)]
    if together:
        sender.send_all(sent)
    else:
        for message in sent:
            sender.send(message)
    arrived: List[Message] = []
    while sender.waiting:
        arrived.extend(receiver.receive())
        sender.flush()
    arrived.extend(receiver.receive())
    assert arrived == sent


@given(st.lists(st.tuples(SIZES, st.sampled_from(["goes on", "sender dies", "receiver dies"])), max_size=8))
def test_whoever_dies_in_the_middle_no_message_is_ever_made_of_two(
    history: List[Tuple[int, str]],
) -> None:
    near, far = link()
    sender, receiver = Channel(near), Channel(far)
    sent: List[Message] = []
    arrived: List[Message] = []
    for number, (size, then) in enumerate(history):
        sent.append(answer(number, size))
        sender.send(sent[-1])
        if then == "sender dies":  # with what it has not handed over; a successor says hello first
            sender = Channel(near)
            arrived.extend(receiver.receive())
            sender.send(Hello(number))
        elif then == "receiver dies":  # with what it has of a message
            list(receiver.receive())
            receiver = Channel(far)
            sender.flush()
        else:
            arrived.extend(receiver.receive())
            sender.flush()
    while sender.waiting:
        arrived.extend(receiver.receive())
        sender.flush()
    arrived.extend(receiver.receive())
    results = [message for message in arrived if isinstance(message, Result)]
    assert all(message in sent for message in results)
    numbers = [message.request for message in results]
    assert numbers == sorted(set(numbers))
    if all(then == "goes on" for _, then in history):
        assert results == sent


def test_what_is_sent_together_is_one_packet_as_far_as_it_fits() -> None:
    near, far = link()
    sent = [answer(number, size) for number, size in enumerate([10, 20, PACKET // 2, PACKET // 2, 30])]
    Channel(near).send_all(sent)
    packets = [far.recv(PACKET) for _ in range(2)]
    with pytest.raises(BlockingIOError):
        far.recv(PACKET)
    for packet in packets:
        near.send(packet)
    assert list(Channel(far).receive()) == sent


def test_half_a_message_before_several_is_dropped() -> None:
    near, far = link()
    receiver = Channel(far)
    Channel(near).send(answer(1, PACKET))
    first = far.recv(PACKET)
    far.recv(PACKET)
    near.send(first)  # whose sender has died
    Channel(near).send_all([Hello(2), Hello(3)])
    assert list(receiver.receive()) == [Hello(2), Hello(3)]

"""A full socket delays messages and loses none."""

from __future__ import annotations

from typing import List

from hotpath.ipc.channel import Channel, link
from hotpath.ipc.messages import Hello, Message


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

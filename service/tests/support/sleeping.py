"""A model whose items say themselves how long decoding takes, which needs no CPU, or that it kills."""

from __future__ import annotations

from pathlib import Path

from support.numbers import tensor
from support.numbers import write_source as write_numbers

CODE = '''
import os
import signal
import time

import numpy

from hotpath.tasks.own import OwnTask
from hotpath.tasks.task import Ask

try:
    from hotpath.tasks.task import Parcel, Portable
except ImportError:  # in a checkout that knows no such thing, with which the bench compares
    Parcel, Portable = None, object


class Sleeping(Portable):
    """A number and how many seconds it takes, or `kill`, with a blank between them and behind."""

    def __init__(self, body):
        self.body = body

    def write(self, slot):
        number, seconds = self.body.split(b" ", 2)[:2]
        if seconds == b"kill":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(seconds))
        slot[0][:] = float(number)
        return 1

    def is_quick(self):
        return False

    def parcel(self):
        return Parcel(self.body, b"")

    def found(self):
        return b""

    def learn(self, found):
        pass


class Task(OwnTask):
    """Numbers."""

    types = ("text/plain", "image/jpeg")

    def asked(self, body, kind, options, limits):
        return Ask([Sleeping(body)], self.told)

    def told(self, answers):
        number = int(numpy.frombuffer(answers[0], "float32")[0])
        return {"number": number, "label": str(number)}

    def unpacked(self, parcel):
        return Sleeping(parcel.body)

    def probes(self):
        return [(numpy.array([1.0], "float32"),)]

    def describe(self, outputs):
        return {"number": int(outputs[0][0])}


def network(weights):
    return lambda number: number
'''


def write_source(directory: Path) -> Path:
    """Its source."""
    lines = (
        f"inputs = [{tensor('number', 'float32', 1)}]",
        f"outputs = [{tensor('same', 'float32', 1)}]",
    )
    return write_numbers(directory, CODE, b"1 0 ", "{ number = 1 }", lines, "sleeping", kind="text/plain")

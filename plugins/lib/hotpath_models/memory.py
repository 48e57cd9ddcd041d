"""What a model's engine takes of a GPU's memory, estimated before anything runs there.

An estimate from what the controller knows, meant to refuse what surely does not fit; torch itself has the last word.
"""

from __future__ import annotations

MIB = 1 << 20
CONTEXT_MIB = 500
"""CUDA's context and the libraries' kernels, in each engine's process"""
WEIGHTS_FACTOR = 1.5
"""The weights themselves, and half as much for what the libraries lay out anew and their work space"""
ACTIVATION_FACTOR = 16
"""Activations at their peak in multiples of an item's numbers, as float32: convolutional networks have some 64 channels
at half the height and width, in and out of a layer and once in work space"""


def needed_mib(weights_bytes: int, input_numbers: int, max_batch: int) -> int:
    """MiB of one engine; where the size of an item is not told, the activations count as much as the weights."""
    items = 4 * input_numbers * ACTIVATION_FACTOR * max_batch
    total = weights_bytes * WEIGHTS_FACTOR + (items or weights_bytes)
    return CONTEXT_MIB + round(total / MIB)

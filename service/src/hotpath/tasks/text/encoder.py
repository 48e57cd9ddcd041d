"""An encoder of BERT's kind in torch: from the numbers of tokens to a vector for each text.

On a processor the rows of all texts lie one behind another through the linear layers, and only attention is
computed text by text: no work goes into padding. A text of 128 tokens with seven of 16 took a quarter of the
time that eight of 128 did. On a GPU, where many small steps cost more than padding, all get one length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 1e-12
"""Of BERT's layer norms."""


@dataclass(frozen=True)
class Shape:
    """What an encoder is made of."""

    tokens: int
    positions: int
    width: int
    inner: int
    layers: int
    heads: int


class Linear(nn.Linear):
    """Computes in the type of its weights, whatever it is given."""

    def forward(self, rows: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return functional.linear(rows.to(self.weight.dtype), self.weight, self.bias)


class Layer(nn.Module):
    """Attention, then a network for each row; sums and norms are float32 in any precision."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.join = Linear(shape.width, 3 * shape.width)
        self.mix = Linear(shape.width, shape.width)
        self.mix_norm = nn.LayerNorm(shape.width, _EPSILON)
        self.widen = Linear(shape.width, shape.inner)
        self.narrow = Linear(shape.inner, shape.width)
        self.narrow_norm = nn.LayerNorm(shape.width, _EPSILON)

    def forward(self, rows: Tensor, attended: Tensor) -> Tensor:
        """What follows on attention: (..., width) each."""
        rows = self.mix_norm(rows + self.mix(attended))
        found: Tensor = self.narrow_norm(rows + self.narrow(functional.gelu(self.widen(rows))))
        return found


def attend(joined: Tensor, heads: int, empty: Optional[Tensor]) -> Tensor:
    """Queries, keys and values side by side (texts, length, 3 * width) to (texts, length, width).

    `empty`, bool of shape (texts, length), is true where a text has ended.
    """
    texts, length, width = joined.shape
    parts = joined.view(texts, length, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    scores = torch.matmul(parts[0] * (1.0 / math.sqrt(width // (3 * heads))), parts[1].transpose(-1, -2))
    if empty is not None:
        scores = scores.masked_fill(empty[:, None, None, :], -math.inf)
    found = torch.matmul(scores.softmax(-1), parts[2])
    return found.transpose(1, 2).reshape(texts, length, width // 3)


def attend_in_one_call(joined: Tensor, heads: int) -> Tensor:
    """The same for texts that are all of one length, in float32, in which it is the quickest."""
    texts, length, width = joined.shape
    parts = joined.float().view(texts, length, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    found = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
    return found.transpose(1, 2).reshape(texts, length, width // 3).to(joined.dtype)


def attend_alone(joined: Tensor, heads: int) -> Tensor:
    """The same for one text, (length, 3 * width) to (length, width), in the way that is quickest for it."""
    # Of a short text, what costs is the number of calls. Measured: in bfloat16 half as long at 16 tokens,
    # alike at 64, and at 128 a fifth longer.
    if joined.shape[0] <= 48:
        return attend_in_one_call(joined[None], heads)[0]
    return attend(joined[None], heads, None)[0]


if not hasattr(functional, "scaled_dot_product_attention"):  # before torch 2.0

    def attend_alone(joined: Tensor, heads: int) -> Tensor:
        """As `attend` does."""
        return attend(joined[None], heads, None)[0]


class Encoder(nn.Module):
    """ids, integers (texts, length), and lengths (texts,), each 1 at least, to float32 (texts, width)."""

    def __init__(self, shape: Shape, pools_mean: bool) -> None:
        """`pools_mean`: whether a text's vector is the mean of its tokens', or the first of them."""
        super().__init__()
        self.heads = shape.heads
        self.pools_mean = pools_mean
        self.always_pads = False
        self.tokens = nn.Embedding(shape.tokens, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.norm = nn.LayerNorm(shape.width, _EPSILON)
        self.layers = nn.ModuleList([Layer(shape) for _ in range(shape.layers)])

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """In the way that suits the device."""
        if self.always_pads or ids.is_cuda:
            return self.padded(ids, lengths)
        return self.packed(ids, lengths)

    def padded(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """All texts as long as the longest."""
        places = torch.arange(ids.shape[1], device=ids.device)
        empty = places >= lengths[:, None]
        rows: Tensor = self.norm(self.tokens(ids) + self.positions(places))
        for layer in self.layers:
            joined = layer.join(rows)  # type: ignore[operator]
            rows = layer(rows, attend(joined, self.heads, empty))
        if not self.pools_mean:
            return rows[:, 0]
        return rows.masked_fill(empty[:, :, None], 0.0).sum(1) / lengths[:, None]

    def packed(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """The rows of all texts one behind another."""
        sizes: List[int] = lengths.tolist()
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        filled = places < lengths[:, None]
        rows: Tensor = self.norm(self.tokens(ids[filled]) + self.positions(places[filled]))
        for layer in self.layers:
            texts: List[Tensor] = []
            together = layer.join(rows)  # type: ignore[operator]
            for joined in together.split_with_sizes(sizes):
                texts.append(attend_alone(joined, self.heads))
            rows = layer(rows, torch.cat(texts))
        pooled: List[Tensor] = []
        for text in rows.split_with_sizes(sizes):
            pooled.append(text.mean(0) if self.pools_mean else text[0])
        return torch.stack(pooled)

    @torch.jit.unused
    def reduce(self, dtype: torch.dtype) -> None:
        """Let the linear layers, where nearly all of the work is, compute in another type."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.to(dtype)

"""Odd files are answered as the clean one where no pixel is concerned, and refused where one is.

What a browser makes of the same files: `browser/test_variants.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, List

import numpy as np
import pytest
from support.variants import Variant

from hotpath.codec import FORMATS, ImageError, ImageSpec

SPEC = ImageSpec(height=64, width=80, resize_shorter=90)


@pytest.mark.parametrize("format", FORMATS)
def test_each_variant_is_answered_as_the_clean_file_or_refused(
    format: str, corpus: List[Variant], decode: Any
) -> None:
    wrong = []
    for variant in (variant for variant in corpus if variant.format == format):
        wanted, _ = decode(variant.clean, SPEC)
        try:
            found, _ = decode(variant.body, SPEC)
            outcome = "same" if np.array_equal(found, wanted) else "other pixels"
        except ImageError as error:
            outcome = "refused" if not variant.answered else f"{error.status} {error.code}: {error.message}"
        if outcome != ("same" if variant.answered else "refused"):
            wrong.append(f"{variant.name}: {outcome}")
    assert not wrong, "\n".join(wrong)


def test_the_corpus_holds_both_kinds_of_every_format(corpus: List[Variant]) -> None:
    kinds = Counter((variant.format, variant.answered) for variant in corpus)
    assert all(kinds[format, answered] >= 3 for format in FORMATS for answered in (True, False))
    assert len({variant.id for variant in corpus}) == len(corpus)

"""Chromium as the judge of `codec/test_variants.py`: what it shows of each file, against the clean one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, List

import pytest
from support.browser import browsing
from support.variants import Variant

_SCRIPT = (Path(__file__).parent / "variants.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(corpus: List[Variant], tmp_path_factory: pytest.TempPathFactory) -> List[str]:
    """What one page shows of each variant: same, other pixels, or nothing."""
    files = [
        [
            f"image/{variant.format}",
            *(base64.b64encode(body).decode() for body in (variant.body, variant.clean)),
        ]
        for variant in corpus
    ]
    with browsing(tmp_path_factory.mktemp("variants"), (400, 300)) as driver:
        driver.set_script_timeout(300)
        found: Any = driver.execute_async_script(_SCRIPT, files)
    return [str(outcome) for outcome in found]


def test_chromium_and_the_service_agree_but_where_a_reason_is_given(
    corpus: List[Variant], shown: List[str]
) -> None:
    wrong = [
        f"{variant.id}: shown: {outcome}; answered: {variant.answered}; reason: {variant.browser or 'none'}"
        for variant, outcome in zip(corpus, shown)
        if (variant.answered == (outcome == "same")) == bool(variant.browser)
    ]
    assert len(shown) == len(corpus)
    assert not wrong, "\n".join(wrong)

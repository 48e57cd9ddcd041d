"""The figures by which a canary is judged. Each says in words what speaks against it, or nothing.

Errors: the exact conditional test of two rates. Of all errors, those of the canary follow a binomial distribution with
its share of the requests, if it errs no more often than the others (Przyborowski and Wilenski, 1940).
Latency: the Mann-Whitney test as Kayenta's judge has it: slower is what is so with confidence after a quarter of the
Hodges-Lehmann estimate has been taken off. Kayenta lets any difference count that is sure; among thousands of requests
a millisecond is, so here it must also be one that anybody would mind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy
from numpy.typing import NDArray
from scipy import stats

from hotpath_rollout.evidence import Compared, Evidence, Requests

TOLERANCE = 0.25
"""Of the Hodges-Lehmann estimate, Kayenta's."""
SLOWER = 0.5
"""Slower by this part of the others' median is minded."""
DISAGREEMENT = 0.02
"""Of compared answers may differ; `hotpath swap --shadow` allows as many."""
GROWTH_BYTES = 256 << 20
"""By which the canary's memory may grow beyond that of every other host while it is watched."""
MOST_TIMES = 500
"""Of each group that the latency test looks at, evenly over their order: its matrix of differences stays small."""


def errors(evidence: Evidence, alpha: float) -> str:
    """The canary fails or refuses more often than the others do."""
    canary, others = evidence.canary, evidence.others
    for word, mine, theirs in (
        ("failed", canary.failed, others.failed),
        ("were refused", canary.refused, others.refused),
    ):
        if mine and (p := excess(mine, canary.count, theirs, others.count)) < alpha:
            return (
                f"{mine} of {canary.count} requests {word} at the canary ({mine / canary.count:.1%}), "
                f"{theirs} of {others.count} elsewhere (p = {p:.1e}; {told(canary, word)})"
            )
    return ""


def excess(mine: int, my_count: int, theirs: int, their_count: int) -> float:
    """How likely as many events as mine are, or more, if both groups have the same rate."""
    return float(stats.binomtest(mine, mine + theirs, my_count / (my_count + their_count), "greater").pvalue)


def told(requests: Requests, word: str) -> str:
    """The statuses that count."""
    wanted = {status: n for status, n in requests.statuses.items() if (400 <= status < 500) == (word != "failed")}
    return ", ".join(
        f"{n} x {status or 'no answer'}" for status, n in sorted(wanted.items()) if not 200 <= status < 400
    )


def slowness(evidence: Evidence, alpha: float) -> str:
    """The canary is slower than the others."""
    canary, others = spread(evidence.canary.milliseconds), spread(evidence.others.milliseconds)
    if not len(canary) or not len(others):
        return ""
    shift, usual = float(numpy.median(numpy.subtract.outer(canary, others))), float(numpy.median(others))
    if shift <= SLOWER * usual:
        return ""
    p = float(stats.mannwhitneyu(canary - TOLERANCE * shift, others, alternative="greater", method="asymptotic").pvalue)
    if p >= alpha:
        return ""
    return f"requests take {shift:.0f} ms longer at the canary than the {usual:.0f} ms elsewhere (p = {p:.1e})"


def spread(milliseconds: Mapping[int, int]) -> NDArray[numpy.float64]:
    """Each request's time, ascending; of very many an even selection."""
    times: NDArray[numpy.float64] = numpy.repeat(list(milliseconds), list(milliseconds.values())).astype(float)
    times.sort()
    return times if len(times) <= MOST_TIMES else times[numpy.linspace(0, len(times) - 1, MOST_TIMES).astype(int)]


def disagreement(compared: Compared | None, alpha: float) -> str:
    """The canary answers the same input otherwise than the others do."""
    if compared is None or not compared.count:
        return ""
    wrong = compared.differed + compared.failed
    p = float(stats.binomtest(wrong, compared.count, DISAGREEMENT, "greater").pvalue)
    if p >= alpha:
        return ""
    return (
        f"{wrong} of {compared.count} answers to copies of other hosts' requests differ ({wrong / compared.count:.0%}, "
        f"{DISAGREEMENT:.0%} may; p = {p:.1e})"
    )


def leak(evidence: Evidence, seconds: float) -> str:
    """The canary's memory grows, and that of no other host does."""
    mine = growth(evidence.canary_bytes)
    theirs = max((growth(one) for one in evidence.others_bytes), default=0)
    if mine - theirs <= GROWTH_BYTES:
        return ""
    return (
        f"the canary's memory grew by {mine >> 20} MiB in {seconds:.0f} s, that of no other host by more than "
        f"{max(theirs, 0) >> 20} MiB"
    )


def growth(samples: Sequence[int]) -> int:
    """From the first look to the last, in bytes."""
    return samples[-1] - samples[0] if samples else 0

"""The judge of canaries before simulated fleets: how often it cries wolf, and how soon it finds what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy
import pytest
from hotpath_rollout.evidence import Compared, Evidence, Requests
from hotpath_rollout.figures import excess
from hotpath_rollout.watch import Kind, Plan, Verdict, Watch

LOOK_S = 4.0
MIB = 1 << 20


@dataclass
class Fleet:
    """Hosts that answer so many requests a second; what the canary does otherwise is said here."""

    seed: int
    rate: float = 15.0
    """At the canary; the two others have twice as many."""
    failing: float = 0.0
    refusing: float = 0.0
    """Beyond what all hosts refuse, because clients err."""
    slower: float = 1.0
    differing: float = 0.003
    leaking: float = 0.0
    """Bytes a second."""
    comparing: bool = True
    troubles: dict[float, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = numpy.random.default_rng(self.seed)

    def judged(self, plan: Plan | None = None) -> tuple[Verdict, float]:
        """The verdict, and after how many seconds it came."""
        plan, seconds, seen = plan or Plan(), 0.0, Evidence(others_bytes=((), ()))
        if not self.comparing:
            seen = replace(seen, compared=None)
        watch = Watch(plan)
        while True:
            seconds += LOOK_S
            seen = self._more(seen, seconds)
            verdict = watch.look(seconds, seen)
            if verdict.kind is not Kind.OPEN:
                return verdict, seconds

    def _more(self, seen: Evidence, seconds: float) -> Evidence:
        noise = self._random.normal(0, 20 * MIB, 3)
        compared = seen.compared
        if compared is not None:
            count = int(self._random.poisson(2 * LOOK_S))
            wrong = int(self._random.binomial(count, self.differing))
            compared = Compared(compared.agreed + count - wrong, compared.differed + wrong)
        return Evidence(
            seen.canary + self._requests(self.rate, self.failing, self.refusing, self.slower),
            seen.others + self._requests(2 * self.rate),
            compared,
            (*seen.canary_bytes, int(2000 * MIB + noise[0] + self.leaking * seconds)),
            tuple((*one, int(2000 * MIB + more)) for one, more in zip(seen.others_bytes, noise[1:], strict=True)),
            tuple(words for since, words in self.troubles.items() if seconds >= since),
        )

    def _requests(self, rate: float, failing: float = 0.0, refusing: float = 0.0, slower: float = 1.0) -> Requests:
        """Times come in batches that are alike, now and then with a stall that all of a batch wait for."""
        batches = int(self._random.poisson(rate * LOOK_S / 3)) + 1
        usual = self._random.lognormal(numpy.log(40.0), 0.3, batches) * slower
        usual += numpy.where(self._random.random(batches) < 0.02, 200.0, 0.0)
        times = (numpy.repeat(usual, 3) + self._random.exponential(5.0, 3 * batches)).astype(int)
        failed = int(self._random.binomial(len(times), failing))
        refused = int(self._random.binomial(len(times) - failed, 0.02 + refusing))
        good = times[failed + refused :]
        return Requests({200: len(good), 400: refused, 500: failed}, Counter(good.tolist()))


def test_a_canary_like_the_others_is_seldom_refused() -> None:
    """The whole of a rollout, all looks together; more than 2 % of 400 would be found by this bound."""
    verdicts = Counter(Fleet(seed).judged()[0].kind for seed in range(400))
    assert verdicts[Kind.BAD] <= 0.02 * 400
    assert verdicts[Kind.GOOD] + verdicts[Kind.BAD] == 400


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "2 % are answered 500": ({"failing": 0.02}, "requests failed at the canary"),
    "five times slower": ({"slower": 5.0}, "longer at the canary"),
    "leaks 50 MB a second": ({"leaking": 50e6}, "the canary's memory grew by"),
    "refuses a tenth": ({"refusing": 0.1}, "requests were refused at the canary"),
    "other answers": ({"differing": 0.3}, "answers to copies"),
    "restarts": ({"troubles": {20.0: "its service was restarted"}}, "its service was restarted"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_found_soon_and_said(case: str) -> None:
    """Within 48 s, so that there is time to put back within a minute; at 15 requests a second to the canary."""
    changes, words = BAD[case]
    found = [Fleet(seed, **changes).judged() for seed in range(60)]
    soon = [verdict for verdict, seconds in found if verdict.kind is Kind.BAD and seconds <= 48]
    assert len(soon) >= 0.95 * len(found), Counter(verdict.kind for verdict, _ in found)
    assert all(words in verdict.figure for verdict in soon), soon


def test_too_little_traffic_holds_and_says_what_is_missing() -> None:
    verdict, seconds = Fleet(1, rate=0.3).judged(Plan(patience_s=120.0))
    assert (verdict.kind, seconds) == (Kind.HOLD, 120.0)
    assert "of 500 requests came to the canary" in verdict.figure


def test_without_others_nothing_is_good() -> None:
    lonely = Evidence(canary=Requests({200: 10_000}), compared=None)
    verdict = Watch(Plan()).look(1000.0, lonely)
    assert verdict.kind is Kind.HOLD and "no other host" in verdict.figure


def test_nothing_is_good_before_its_answers_were_compared_where_they_can_be() -> None:
    seen = Evidence(Requests({200: 1000}), Requests({200: 1000}), Compared(agreed=10))
    watch = Watch(Plan(looks=1, patience_s=100.0))
    assert watch.look(50.0, seen).figure == "10 of 50 answers were compared"
    assert watch.look(50.0, replace(seen, compared=None)).kind is Kind.GOOD


def test_a_few_bad_requests_are_not_enough_and_slightly_slower_is_not_minded() -> None:
    seen = Evidence(Requests({200: 49, 500: 1}), Requests({200: 100}), None)
    assert Watch(Plan()).look(5.0, seen).kind is Kind.OPEN
    assert Fleet(3, slower=1.2).judged()[0].kind is Kind.GOOD


def test_the_test_of_errors_is_exact() -> None:
    """By hand: all 3 errors at a canary with a quarter of the requests."""
    assert excess(3, 100, 0, 300) == pytest.approx(0.25**3)


def test_looks_are_bounded_whatever_the_pace() -> None:
    """More looks than planned would be more chances to err: beyond them nothing is tested."""
    watch, seen = Watch(Plan(looks=2, requests=10, seconds=2.0)), Evidence(compared=Compared())
    good = Requests({200: 100}, {10: 100})
    for second in (1.0, 2.0):
        watch.look(second, replace(seen, canary=good, others=good))
    late = watch.look(3.0, replace(seen, canary=good + Requests({500: 100}), others=good))
    assert late.kind is Kind.OPEN

"""The longest time without a success, under a constant load; pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """When a probe was answered (seconds of one clock), and what was wrong; empty for a success."""

    at: float
    fault: str = ""


@dataclass(frozen=True)
class Gaps:
    """What a load has seen. `faults` counts the failures by what they said."""

    longest_gap_ms: float
    requests: int
    failures: int
    faults: dict[str, int] = field(default_factory=dict)


def measure(answers: Iterable[Answer], began: float, ended: float) -> Gaps:
    """From completion to completion: an answer that came late closes the window when it came, not when it was asked for.

    The time before the first and after the last success counts too: a load that never succeeded had one gap, all of it.
    """
    seen = sorted(answers, key=lambda a: a.at)
    marks = [began, *(a.at for a in seen if not a.fault), max([ended, *(a.at for a in seen)])]
    longest = max(after - before for before, after in itertools.pairwise(marks))
    faults = Counter(a.fault for a in seen if a.fault)
    return Gaps(round(longest * 1000, 1), len(seen), faults.total(), dict(faults.most_common(8)))

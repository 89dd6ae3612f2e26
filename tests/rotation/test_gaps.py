"""The measure: what counts as a gap, and that nothing hides one."""

from __future__ import annotations

import pytest

from clients.gaps import Answer, measure


def steady(since: float, until: float, step: float = 0.01) -> list[Answer]:
    return [Answer(since + n * step) for n in range(int((until - since) / step) + 1)]


def test_a_steady_load_has_gaps_of_one_interval() -> None:
    seen = measure(steady(0, 1), 0, 1)
    assert seen.longest_gap_ms == pytest.approx(10, abs=0.2)
    assert (seen.requests, seen.failures) == (101, 0)


def test_failures_do_not_end_a_gap() -> None:
    seen = measure([*steady(0, 1), Answer(1.2, "status 503"), Answer(1.4, "status 503"), *steady(1.5, 2)], 0, 2)
    assert seen.longest_gap_ms == 500
    assert (seen.failures, seen.faults) == (2, {"status 503": 2})


def test_a_late_answer_counts_when_it_comes() -> None:
    """Asked at 1.01, answered at 3: the window was two seconds, although every request succeeded."""
    assert measure([*steady(0, 1), *(Answer(3.0) for _ in range(100))], 0, 3).longest_gap_ms == 2000


def test_the_ends_count() -> None:
    assert measure(steady(2, 3), 0, 3).longest_gap_ms == 2000
    assert measure(steady(0, 1), 0, 3).longest_gap_ms == 2000
    assert measure([], 0, 3).longest_gap_ms == 3000


def test_answers_after_the_end_are_part_of_it() -> None:
    assert measure([*steady(0, 1), Answer(4.0)], 0, 1.1).longest_gap_ms == 3000

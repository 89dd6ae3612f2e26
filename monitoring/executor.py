"""Runs collectors in the background; a scrape serves what they found last and asks nobody anything.

A collector that fails takes its families away: an old number shown as a new one is worse than none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Collect = Callable[[], Iterable[Metric]]


@dataclass(frozen=True)
class Outcome:
    """What one run of a collector gave. Seconds; `at` is Unix time; `at` of the last success survives failures."""

    families: tuple[Metric, ...]
    seconds: float
    success: bool
    at: float


class Executor(Collector):
    """One thread per collector and run; a run that outlives `deadline` seconds counts as failed and is not started twice."""

    def __init__(self, collectors: Mapping[str, Collect], interval: float, deadline: float, say: Callable[[str], None]):
        self.collectors, self.interval, self.deadline, self.say = dict(collectors), interval, deadline, say
        self._outcomes: dict[str, Outcome] = {}
        self._running: dict[str, tuple[Future[None], float]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max(1, len(self.collectors)), thread_name_prefix="collector")

    def run(self, stop: threading.Event) -> None:
        """Refresh until `stop` is set."""
        while not stop.is_set():
            self.refresh()
            stop.wait(self.interval)

    def refresh(self) -> None:
        """Begin a run of each collector that is not at work; fail those that are late."""
        for name, collect in self.collectors.items():
            future, began = self._running.get(name, (None, 0.0))
            if future is not None and not future.done():
                if time.monotonic() - began > self.deadline:
                    self._store(name, (), time.monotonic() - began, success=False)
                continue
            self._running[name] = (self._pool.submit(self._once, name, collect), time.monotonic())

    def wait(self) -> None:
        """Until every run that has begun is over."""
        for future, _ in list(self._running.values()):
            future.result()

    def _once(self, name: str, collect: Collect) -> None:
        began = time.monotonic()
        try:
            families = tuple(collect())
        except Exception as fault:  # one collector's fault must not end the others
            self.say(f"{name}: {type(fault).__name__}: {str(fault)[:300]}")
            self._store(name, (), time.monotonic() - began, success=False)
            return
        self._store(name, families, time.monotonic() - began, success=True)

    def _store(self, name: str, families: tuple[Metric, ...], seconds: float, *, success: bool) -> None:
        with self._lock:
            before = self._outcomes.get(name)
            at = time.time() if success else before.at if before else 0.0
            self._outcomes[name] = Outcome(families, seconds, success, at)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry must not collect in order to learn the names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            outcomes = dict(self._outcomes)
        for outcome in outcomes.values():
            yield from outcome.families
        yield from health(outcomes)


def health(outcomes: Mapping[str, Outcome]) -> Iterable[Metric]:
    """What the executor knows about the collectors themselves."""
    success = GaugeMetricFamily("yrd_collector_success", "Whether the last run gave a result.", labels=["collector"])
    seconds = GaugeMetricFamily("yrd_collector_duration_seconds", "How long the last run took.", labels=["collector"])
    last = GaugeMetricFamily(
        "yrd_collector_last_success_timestamp_seconds",
        "When a run last gave a result; 0 for never.",
        labels=["collector"],
    )
    for name, outcome in outcomes.items():
        success.add_metric([name], float(outcome.success))
        seconds.add_metric([name], outcome.seconds)
        last.add_metric([name], outcome.at)
    return success, seconds, last

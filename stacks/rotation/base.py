"""The shape of a rotation, and the one run of all of them.

A run that dies leaves `rotation-<subject>.json` in the site's folder: what was old, and which steps are done. The next run
goes on there instead of beginning another rotation, so a killed one never leaves two old roots behind.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from clients import journal, state
from clients.failpoint import failpoint
from clients.gaps import Gaps
from clients.load import Load
from clients.prober import Request

Old = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One change. `do` finds out by itself what of it is done already."""

    name: str
    do: Callable[[], None]


class Subject(Protocol):
    """What is rotated, in one site; made anew for every run."""

    @property
    def name(self) -> str:
        """`mesh`, `database`, ..."""

    def standing(self) -> AbstractContextManager[str]:
        """Network namespace that the load stands in; empty for this host's own."""

    def remember(self) -> dict[str, str]:
        """What `refused` needs of the old one; read before the first step, kept 0600 until the last."""

    def steps(self, old: Old) -> tuple[Step, ...]:
        """In order. What is new is everywhere before what is old is taken away anywhere."""

    def request(self) -> Request:
        """What the load asks for now: with the certificate, root or token that a caller would use now."""

    def refused(self, old: Old) -> bool:
        """Whether a real attempt with the old one is refused."""


@dataclass(frozen=True)
class Memory:
    """What a rotation that is under way must not forget."""

    path: Path
    old: Old = field(repr=False)
    done: tuple[str, ...] = ()

    @staticmethod
    def load(path: Path) -> Memory | None:
        return Memory(path, **json.loads(path.read_text())) if path.exists() else None

    def store(self) -> Memory:
        state.write_atomic(self.path, json.dumps({"old": dict(self.old), "done": list(self.done)}) + "\n")
        return self

    def with_step(self, name: str) -> Memory:
        return Memory(self.path, self.old, (*self.done, name)).store()


@dataclass(frozen=True)
class Result:
    """What one rotation has shown. `resumed` when it finished what a killed run began."""

    subject: str
    site: str
    old_refused: bool
    resumed: bool
    seconds: float
    gaps: Gaps

    def as_json(self) -> dict[str, object]:
        return {
            "subject": self.subject,
            "site": self.site,
            "longest_gap_ms": self.gaps.longest_gap_ms,
            "requests": self.gaps.requests,
            "failures": self.gaps.failures,
            "faults": self.gaps.faults,
            "old_refused": self.old_refused,
            "resumed": self.resumed,
            "seconds": round(self.seconds, 1),
        }


def memory_file(env: str, site: str, subject: str) -> Path:
    return state.site(env, site) / f"rotation-{subject}.json"


def rotate(subject: Subject, site: str, memory: Path) -> Result:
    """Do every step that is not done yet, under load. Raises YrdError; the next run goes on there."""
    began = time.monotonic()
    held = Memory.load(memory)
    resumed = held is not None
    with (
        subject.standing() as namespace,
        Load(subject.request(), namespace) as load,
        load.kept_fresh(subject.request),
    ):
        held = held or Memory(memory, subject.remember()).store()
        for step in subject.steps(held.old):
            if step.name in held.done:
                continue
            journal.note("rotation", site=site, subject=subject.name, step=step.name)
            failpoint(f"rotate-{subject.name}-{step.name}")
            step.do()
            load.aim(subject.request())
            failpoint(f"rotated-{subject.name}-{step.name}")
            held = held.with_step(step.name)
        refused = subject.refused(held.old)
    assert load.gaps  # noqa: S101 - the context ended without an error
    if refused:
        memory.unlink()
    return Result(subject.name, site, refused, resumed, time.monotonic() - began, load.gaps)

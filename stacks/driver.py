"""Run several stacks at once and know how each is doing: starts the workers, reads their events, adds up the result."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients import journal

Event = dict[str, Any]
OPERATIONS = ("create", "update", "delete", "same")


@dataclass
class StackRun:
    """One stack's progress and result."""

    name: str
    code: int | None = None
    doing: dict[str, float] = field(default_factory=dict)
    finished: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    plans: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    task: str = ""
    ended: float = 0.0

    @property
    def unit(self) -> str:
        return self.name.partition(".")[2]


@dataclass
class Outcome:
    """What all stacks did together. `changes` counts Pulumi's operations, `ansible` tasks of every role that was run."""

    seconds: float
    runs: dict[str, StackRun]
    changed: int
    ok: int
    events: list[Event]

    @property
    def changes(self) -> dict[str, int]:
        total = dict.fromkeys(OPERATIONS, 0)
        for run in self.runs.values():
            for name, count in run.changes.items():
                key = {"replace": "update", "create-replacement": "create", "delete-replaced": "delete"}.get(name, name)
                total[key] = total.get(key, 0) + count
        return {k: total[k] for k in OPERATIONS}

    @property
    def exit_code(self) -> int:
        return max((r.code or 0 for r in self.runs.values()), default=0)


def _start(verb: str, name: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stacks.worker", verb, name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


def _read(name: str, process: subprocess.Popen[str], events: queue.Queue[tuple[str, Event]]) -> None:
    for line in process.stdout or ():
        try:
            events.put((name, json.loads(line)))
        except ValueError:
            events.put((name, {"kind": "note", "text": line.rstrip()}))
    said = process.stderr.read() if process.stderr else ""
    events.put((name, {"kind": "exit", "code": process.wait(), "said": said}))


def operate(
    verb: str, stacks: Sequence[str], watch: Callable[[dict[str, StackRun]], None], *, full: bool = False
) -> Outcome:
    """Run `verb` on every stack at once. `watch` is called after each event and at least twice a second."""
    began = time.monotonic()
    runs = {name: StackRun(name) for name in stacks}
    events: queue.Queue[tuple[str, Event]] = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="yrd-journal-") as folder:
        path = Path(folder) / "journal"
        env = {
            "YRD_JOURNAL": str(path),
            "YRD_UNITS": ",".join("hub" if r.unit == "region" else r.unit for r in runs.values()),
        }
        env |= {"YRD_FULL": "1"} if full else {}
        for name in stacks:
            process = _start(verb, name, env)
            threading.Thread(target=_read, args=(name, process, events), daemon=True).start()
        for name, event in _until_done(runs, events):
            if name:
                _apply(runs[name], event)
            _tasks(runs, path)
            watch(runs)
        noted = list(journal.events(path))
    ansible = [e for e in noted if e["kind"] == "ansible"]
    return Outcome(
        time.monotonic() - began, runs, sum(e["changed"] for e in ansible), sum(e["ok"] for e in ansible), noted
    )


def _until_done(runs: dict[str, StackRun], events: queue.Queue[tuple[str, Event]]) -> Iterator[tuple[str, Event]]:
    while any(r.code is None for r in runs.values()):
        try:
            yield events.get(timeout=0.5)
        except queue.Empty:
            yield "", {}


def _apply(run: StackRun, event: Event) -> None:
    match event["kind"]:
        case "begin":
            run.doing[_short(event["urn"])] = time.monotonic()
        case "end":
            run.doing.pop(_short(event["urn"]), None)
            run.finished += 1
        case "failed":
            run.doing.pop(_short(event["urn"]), None)
        case "plan":
            run.plans.append(event)
        case "summary":
            run.changes = {str(k).removeprefix("OpType.").lower(): v for k, v in event["changes"].items()}
        case "error" if not (event.get("fallback") and run.errors):
            run.errors.append(f"{_short(event.get('urn') or '')}: {event['text']}".removeprefix(": "))
        case "note":
            run.notes.append(event["text"])
        case "exit":
            run.code, run.ended = event["code"], time.monotonic()
            if event["code"] and not run.errors:
                run.errors.append(event["said"][-1500:] or f"ended with code {event['code']}")
        case _:
            pass


def _short(urn: str) -> str:
    return urn.rpartition("::")[2]


def _tasks(runs: dict[str, StackRun], path: Path) -> None:
    by_site = {("hub" if r.unit == "region" else r.unit): r for r in runs.values()}
    for event in journal.events(path):
        if event["kind"] == "task" and event.get("site") in by_site:
            by_site[event["site"]].task = event["task"]

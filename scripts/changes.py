"""What a preview found, object by object."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from stacks.driver import Outcome
from stacks.renders import object_text


@dataclass(frozen=True)
class Change:
    """One thing that would change; `object` is empty where the whole resource is meant."""

    unit: str
    resource: str
    operation: str
    object: str
    before: str
    after: str


def changes(outcome: Outcome) -> list[Change]:
    """Flat list of changes; a changed release is told object by object."""
    found: list[Change] = []
    for run in outcome.runs.values():
        for plan in run.plans:
            name, operation = plan["urn"].rpartition("::")[2], str(plan["op"]).removeprefix("OpType.").lower()
            if "pulumi:" in plan["urn"].rpartition("::")[0].rpartition("::")[2]:
                continue
            old, new = plan.get("old") or {}, plan.get("new") or {}
            inner = (
                list(_objects(old.get("objects") or {}, new.get("objects") or {}))
                if "objects" in (old | new) and operation == "update"
                else []
            )
            keys = ", ".join(_keys(old, new)) if operation == "update" else ""
            found += [Change(run.unit, name, op, key, b, a) for op, key, b, a in inner] or [
                Change(run.unit, name, operation, keys, "", "")
            ]
    return found


def _objects(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, ""), new.get(key, "")
        if before != after:
            yield ("create" if not before else "delete" if not after else "update"), key, before, after


def _keys(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Dotted paths at which two inputs differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _keys(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif old != new:
        yield path


def show(outcome: Outcome, console: Console, *, as_json: bool, diff: bool) -> None:
    """Print the changes; JSON is `{"seconds", "changes": [...], "errors"}`."""
    found = changes(outcome)
    errors = {r.unit: r.errors for r in outcome.runs.values() if r.code}
    if as_json:
        print(
            json.dumps(
                {"seconds": round(outcome.seconds, 1), "changes": [asdict(c) for c in found], "errors": errors},
                ensure_ascii=False,
            )
        )
        return
    marks = {"create": "[green]+[/]", "update": "[yellow]~[/]", "delete": "[red]-[/]"}
    for change in found:
        console.print(
            f"{marks.get(change.operation, change.operation)} {change.unit:10} {change.resource:24} {change.object}",
            highlight=False,
            soft_wrap=True,
        )
        if diff and (change.before or change.after):
            before, after = (object_text(d).splitlines() if d else [] for d in (change.before, change.after))
            for line in difflib.unified_diff(before, after, lineterm="", n=2):
                console.print(f"      {line}", highlight=False, markup=False)
    for unit, said in errors.items():
        for text in said:
            console.print(f"{unit}: {text}", style="red", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{len(found)} changes in {outcome.seconds:.0f} s; nothing was touched", highlight=False)

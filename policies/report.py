"""An audit for people (a table) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC

from rich.table import Table
from rich.text import Text

from policies.judge import summary
from policies.types import Result, Rule, Verdict

STYLES: Mapping[Verdict, str] = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.MANUAL: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}
#: What must be read first comes first.
ORDER = (Verdict.FAIL, Verdict.ERROR, Verdict.MANUAL, Verdict.NOT_APPLICABLE, Verdict.PASS)


def to_json(results: Sequence[Result]) -> str:
    """`{"summary": {...}, "results": [...]}`; times in UTC with a zone."""
    rows = [{**asdict(r), "verdict": r.verdict.value, "at": r.at.astimezone(UTC).isoformat()} for r in results]
    return json.dumps({"summary": summary(results), "results": rows}, ensure_ascii=False, indent=2)


def table(results: Sequence[Result], rules: Iterable[Rule], language: str = "en") -> Table:
    """One row per rule and verdict: equal results of several targets share a row."""
    titles = {rule.id: getattr(rule.file.title, language) for rule in rules}
    view = Table("verdict", "control", "what", "targets", "observed", title=headline(results), expand=True)
    for verdict in ORDER:
        for control in dict.fromkeys(r.control for r in results if r.verdict is verdict):
            same = [r for r in results if (r.control, r.verdict) == (control, verdict)]
            for observed in dict.fromkeys(r.observed for r in same):
                names = [r.target for r in same if r.observed == observed]
                label = Text(verdict.value, style=STYLES[verdict])
                view.add_row(label, control, titles.get(control, ""), ", ".join(names), Text(observed))
    return view


def headline(results: Sequence[Result]) -> str:
    """`190 pass, 0 fail, ...` and how many checks that is."""
    counts = ", ".join(f"{number} {name}" for name, number in summary(results).items())
    return f"{len(results)} checks: {counts}"

"""`yrd rotate`: keys, roots and passwords are replaced under load, and the old ones shown to be refused."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from model.errors import BadInputError
from scripts import context
from scripts.context import Environment, Json, Provinces
from stacks.program import REGION
from stacks.rotation.base import Result, memory_file, rotate
from stacks.rotation.table import SUBJECTS

console = Console(stderr=True)
ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("rotate")(rotate_subject)


def rotate_subject(
    what: Annotated[str, typer.Argument(help=f"{', '.join(SUBJECTS)}, or all.")],
    environment: Environment = "local",
    province: Provinces = None,
    as_json: Json = False,
) -> None:
    """Replace keys while requests go on, one every 10 ms; exit 1 when an old one is still accepted. 轮换密钥。"""
    plan = context.plan(environment)
    if what not in (*SUBJECTS, ALL):
        known = ", ".join((*SUBJECTS, ALL))
        raise BadInputError(
            "E343", f"不能轮换 {what}", f"there is no {what} to rotate", f"可用：{known}", f"one of: {known}"
        )
    context.stacks(plan, province)
    chosen = [p for p in plan.provinces if not province or p.name in province]
    if not chosen:
        raise BadInputError("E344", f"{REGION} 没有可轮换的密钥", f"nothing of {REGION} is rotated here")
    results = []
    for subject in SUBJECTS if what == ALL else (what,):
        for site in chosen:
            console.print(f"{subject} of {site.name}", highlight=False)
            memory = memory_file(environment, site.name, subject)
            results.append(rotate(SUBJECTS[subject](plan, site), site.name, memory))
    print(json.dumps(report(results), ensure_ascii=False)) if as_json else Console().print(table(results))
    sys.exit(0 if all(r.old_refused for r in results) else 1)


def report(results: list[Result]) -> dict[str, object]:
    """The worst gap, every request and every failure, and each rotation by itself."""
    return {
        "longest_gap_ms": max(r.gaps.longest_gap_ms for r in results),
        "requests": sum(r.gaps.requests for r in results),
        "failures": sum(r.gaps.failures for r in results),
        "old_refused": all(r.old_refused for r in results),
        "rotations": [r.as_json() for r in results],
    }


def table(results: list[Result]) -> Table:
    view = Table("subject", "site", "longest gap", "requests", "failures", "old one", "seconds", box=None)
    for r in results:
        old = "refused" if r.old_refused else "[red]ACCEPTED"
        gaps = r.gaps
        counts = (f"{gaps.longest_gap_ms:.0f} ms", str(gaps.requests), str(gaps.failures))
        view.add_row(r.subject, r.site, *counts, old, f"{r.seconds:.0f}")
    return view

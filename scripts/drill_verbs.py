"""`yrd drill restore`: proves that what neighbours keep gives a store back. Touches nothing that runs."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from model.errors import BadInputError, YrdError
from scripts import context, lifecycle
from scripts.context import Environment, Json
from stacks.drills import restore

console = Console(stderr=True)
drill = typer.Typer(no_args_is_help=True, help="Exercises beside what runs. 演练。")


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.add_typer(drill, name="drill")


@drill.callback()
def _group() -> None:
    """Makes `restore` a verb of its own, though it is the only one."""


@drill.command("restore")
def restore_(
    province: Annotated[list[str] | None, typer.Option("--province", "-p", help="Only this one; repeatable.")] = None,
    environment: Environment = "local",
    as_json: Json = False,
) -> None:
    """Restore a neighbour's newest snapshot into a server of its own, compare every version with the live store. 恢复演练。

    Exit 1 on a difference, 3 where it could not be tried.
    """
    plan = context.plan(environment)
    chosen = [p for p in plan.provinces if p.name in context.sites(plan, province)]
    if not chosen:
        raise BadInputError("E326", "中心没有快照，无可演练", "the hub has no snapshot: there is nothing to try")
    reports, faults = [], {}
    for site in chosen:
        try:
            reports.append(restore.run(plan, site, lifecycle.asker()))
        except YrdError as fault:
            faults[site.name] = fault
    if as_json:
        said = {"drills": [r.as_json() for r in reports], "errors": {n: str(f) for n, f in faults.items()}}
        print(json.dumps(said, ensure_ascii=False))
    else:
        _show(reports, faults)
    sys.exit(3 if faults else 0 if all(r.passed for r in reports) else 1)


def _show(reports: list[restore.Report], faults: dict[str, YrdError]) -> None:
    for report in reports:
        steps = ", ".join(f"{step} {seconds} s" for step, seconds in report.seconds.items())
        counts = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in report.compared.items())
        verdict = "equal" if report.passed else "DIFFERENT"
        console.print(
            f"{report.province}: {verdict}; {report.keeper}'s snapshot of {report.taken:%H:%M:%S} UTC, "
            f"{report.age_seconds:.0f} s old; {counts}; {steps}",
            highlight=False,
            soft_wrap=True,
        )
        for one in report.differences:
            label = "written since" if one.newer else "difference"
            console.print(f"  {label}: {one.name}: {one.what}", highlight=False, markup=False, soft_wrap=True)
    for name, fault in faults.items():
        console.print(f"{name}: {fault}", style="red", highlight=False, markup=False, soft_wrap=True)

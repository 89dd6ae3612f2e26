"""`yrd scan secrets`: whether a secret stands where none may. Changes nothing and prints no value."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from model.errors import BadInputError
from scan import run
from scan.types import PLACES, Place
from scripts import context
from scripts.context import Environment, Json, Provinces

console = Console(stderr=True)
scan = typer.Typer(no_args_is_help=True, help="Look for secrets where none may be. 查找泄露的秘密。")


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.add_typer(scan, name="scan")


@scan.callback()
def _group() -> None:
    """Makes `secrets` a verb of its own, though it is the only one."""


@scan.command("secrets")
def secrets(
    environment: Environment = "local",
    province: Provinces = None,
    place: Annotated[list[str] | None, typer.Option("--place", help=f"One of {', '.join(PLACES)}; repeatable.")] = None,
    also: Annotated[Path | None, typer.Option("--also", help="File (0600) with further values, one a line.")] = None,
    as_json: Json = False,
) -> None:
    """Search every place for known values and for what looks like one; exit 1 when one is there, 3 when unreadable. 秘密扫描。"""
    plan = context.plan(environment)
    found = run.run(plan, context.sites(plan, province), _places(place), also)
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False))
    else:
        _show(found)
    sys.exit(found.exit_code)


def _places(wanted: list[str] | None) -> tuple[Place, ...]:
    """Raises BadInputError E476."""
    if unknown := sorted(set(wanted or ()) - set(PLACES)):
        names = ", ".join(PLACES)
        raise BadInputError(
            "E476", f"没有位置 {unknown}", f"no such place: {', '.join(unknown)}", f"可用：{names}", f"one of: {names}"
        )
    return tuple(p for p in PLACES if not wanted or p in wanted)


def _show(found: run.Report) -> None:
    table = Table("place", "pieces", "MiB", "found", box=None)
    for place, seen in found.looked.items():
        count = sum(f.place == place for f in found.findings)
        table.add_row(place, str(seen.pieces), f"{seen.bytes / 2**20:.1f}", str(count))
    Console().print(table)
    print(f"{found.known} known values looked for; {sum(found.hid.values())} findings allowed with a reason")
    for finding in found.findings:
        print(f"{finding.place}: {finding.where}: {finding.what} ({finding.form}, {finding.fingerprint})")
    for entry in (e for e, n in found.hid.items() if not n):
        console.print(f"allowed.yaml: {entry.place} {entry.rule} {entry.where} hides nothing any more", style="yellow")
    for fault in found.errors:
        console.print(str(fault).splitlines()[0], style="red", highlight=False, markup=False, soft_wrap=True)

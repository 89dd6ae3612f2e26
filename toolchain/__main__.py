"""`python -m toolchain`: install, doctor, list. `yrd` uses the same room and installs what a verb needs by itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from model.errors import BadInputError, YrdError
from toolchain import doctor, facts, images, install, rootfs
from toolchain.progress import READY, Board, Report
from toolchain.spec import catalogue

#: Debian trees by the name under which they can be asked for.
TREES: dict[str, Callable[[], Path]] = {
    "machine-rootfs": rootfs.machine_rootfs,
    "hub-delta": rootfs.hub_delta,
    "image-base": rootfs.image_base,
}


def install_all(report: Report) -> None:
    """Everything that `yrd up` needs. Trees come from Debian while Go compiles; images need both."""
    with ThreadPoolExecutor(1) as beside:
        trees = beside.submit(_trees, report)
        install.ensure((), report)
        trees.result()
    images.build((), _named(report))


def install_some(names: Sequence[str], report: Report) -> None:
    """Tools, trees and images by name. Raises BadInputError E210 for an unknown one, before anything is made."""
    kinds = {n: "tree" if n in TREES else "image" if n.startswith("image:") else "tool" for n in names}
    tools = [n for n, kind in kinds.items() if kind == "tool"]
    wanted = [n.removeprefix("image:") for n, kind in kinds.items() if kind == "image"]
    unknown = [n for n in (*tools, *wanted) if n not in (*catalogue(), *images.specs())]
    if unknown:
        known = ", ".join([*catalogue(), *TREES, *(f"image:{n}" for n in images.specs())])
        raise BadInputError(
            "E210",
            f"未知名称 {'、'.join(unknown)}",
            f"unknown: {', '.join(unknown)}",
            f"可用：{known}",
            f"one of: {known}",
        )
    if tools:
        install.ensure(tools, report)
    for name in (n for n, kind in kinds.items() if kind == "tree"):
        _tree(name, report)
    if wanted:
        images.build(wanted, _named(report))


def _named(report: Report) -> Report:
    """A tool and an image may have one name; their lines are two."""
    return lambda name, step: report(f"image:{name}", step)


def _trees(report: Report) -> None:
    for name in TREES:
        _tree(name, report)


def _tree(name: str, report: Report) -> None:
    report(name, "debootstrap")
    TREES[name]()
    report(name, READY)


def show_list(console: Console) -> None:
    """What is known, and what of it is in the cache."""
    table = Table("name", "version", "key", "in the cache", box=None)
    for tool in catalogue().values():
        table.add_row(tool.name, tool.version, tool.key, "yes" if tool.entry.exists() else "no")
    for name, ref in images.references().items():
        table.add_row(f"image:{name}", ref.tag, ref.key, ref.digest[:19] or "no")
    console.print(table)


def show_doctor(console: Console, *, as_json: bool, online: bool) -> int:
    """Look, judge and say; the exit code tells the outcome."""
    checks = doctor.judge(facts.collect(online=online))
    if as_json:
        sys.stdout.write(doctor.as_json(checks) + "\n")
        return doctor.exit_code(checks)
    table = Table("check", "verdict", "found", "fix", box=None)
    for row in doctor.rows(checks):
        table.add_row(*row)
    console.print(table)
    return doctor.exit_code(checks)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m toolchain", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("install", help="make what is not in the cache yet; everything when nothing is named")
    verb.add_argument("names", nargs="*", help="a tool, a tree (machine-rootfs, hub-delta, image-base) or image:NAME")
    verb.add_argument("--preview", action="store_true", help="only what `yrd preview` needs")
    verb = verbs.add_parser("doctor", help="can this host carry the cloud?")
    verb.add_argument("--json", action="store_true")
    verb.add_argument("--offline", action="store_true", help="do not ask the registries")
    verbs.add_parser("list", help="what is known, and what is in the cache")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """0 done, 1 a check or a build failed, 2 bad input, 3 could not be looked at."""
    given, console = arguments(words), Console()
    try:
        if given.verb == "list":
            show_list(console)
            return 0
        if given.verb == "doctor":
            return show_doctor(console, as_json=given.json, online=not given.offline)
        with Board() as report:
            names = [*install.PREVIEW] if given.preview else given.names
            install_some(names, report) if names else install_all(report)
    except YrdError as error:
        Console(stderr=True).print(str(error), highlight=False, markup=False)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

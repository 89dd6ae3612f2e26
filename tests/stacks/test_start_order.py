"""docs/start-order.md is true of the units of every role: nothing below waits for something above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted(ROOT.glob("roles/*/templates/etc/systemd/system/*.service.j2"))
#: Such a line would keep a unit down, or take it down, with the other one: the order is one of hope, not of need.
HARD = ("Requires", "Requisite", "BindsTo", "PartOf")


def layers() -> dict[str, int]:
    """Unit to layer, as the page's first table has them."""
    rows = re.findall(r"^\| (\d) [^|]*\|([^|]*)\|", (ROOT / "docs/start-order.md").read_text(), flags=re.MULTILINE)
    return {unit: int(number) for number, cell in rows for unit in re.findall(r"`([^`]+)`", cell)}


def named(path: Path, words: tuple[str, ...]) -> Iterator[str]:
    for line in path.read_text().splitlines():
        key, _, value = line.partition("=")
        if key in words:
            yield from (unit.removesuffix(".service") for unit in value.split())


def unit(path: Path) -> str:
    return path.name.removesuffix(".service.j2")


@pytest.mark.parametrize("path", UNITS, ids=unit)
def test_a_unit_waits_only_for_what_lies_beneath(path: Path) -> None:
    known = layers()
    above = [n for n in named(path, ("After", "Wants", *HARD)) if known.get(n, 0) > known[unit(path)]]
    assert above == []
    assert [n for n in named(path, HARD) if n in known] == [], "what lies beneath may be late"


def test_every_layer_has_its_units_on_the_page() -> None:
    assert set(layers().values()) == {1, 2, 3, 4, 5, 7}, "layer 6 is in the cluster"
    assert {unit(path) for path in UNITS} - layers().keys() == set(), "docs/start-order.md"

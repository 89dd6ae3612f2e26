"""Each folder of `cases/` is laid over the region; `expected.yaml` holds every fault that must be told, and no other.

now: 2032-06-01T00:00:00+08:00      # optional: the clock
without: [provinces/anhui.yaml]     # optional: files to take away
faults:
  - {code: E110, file: region/provinces/anhui.yaml, line: 6, column: 1, contains: did you mean `machines`?}
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from model.codes import TITLES
from model.faults import Fault, InvalidRegionError
from model.load import Examined, examine, load

CASES = Path(__file__).parent / "cases"
EXPECTED = "expected.yaml"
FOLDERS = sorted(p for p in CASES.iterdir() if p.is_dir())


@dataclass(frozen=True)
class Case:
    """What `expected.yaml` says."""

    now: datetime
    without: tuple[str, ...]
    faults: tuple[dict[str, object], ...]


def read(folder: Path, now: datetime) -> Case:
    said = YAML(typ="safe", pure=True).load((folder / EXPECTED).read_text("utf-8"))
    clock = said.get("now")
    if isinstance(clock, datetime):
        # ruamel gives a naive UTC for a time with a zone.
        clock = clock if clock.tzinfo else clock.replace(tzinfo=now.tzinfo)
    return Case(clock or now, tuple(said.get("without", ())), tuple(said["faults"]))


def overlay(folder: Path, case: Case, copy: Path) -> None:
    for path in (p for p in folder.rglob("*") if p.is_file() and p.name != EXPECTED):
        target = copy / "region" / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in case.without:
        (copy / "region" / name).unlink()


def matches(fault: Fault, wanted: dict[str, object]) -> bool:
    same = (fault.code, fault.path, fault.line, fault.column) == tuple(
        wanted[key] for key in ("code", "file", "line", "column")
    )
    return same and str(wanted.get("contains", "")) in fault.english()


def observed(found: Examined) -> str:
    return "\n".join(fault.render() for fault in found.faults) or "no fault"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_case(folder: Path, copy: Path, now: datetime) -> None:
    case = read(folder, now)
    overlay(folder, case, copy)
    found = examine(copy, case.now)
    wanted = case.faults
    agrees = len(wanted) == len(found.faults) and all(map(matches, found.faults, wanted))
    assert agrees, f"{folder.name}: observed\n{observed(found)}"
    assert (found.world is not None) == folder.name.startswith("ok-"), observed(found)


@pytest.mark.parametrize("folder", [f for f in FOLDERS if not f.name.startswith("ok-")], ids=lambda p: p.name)
def test_a_faulty_region_is_refused_in_both_languages(folder: Path, copy: Path, now: datetime) -> None:
    case = read(folder, now)
    overlay(folder, case, copy)
    with pytest.raises(InvalidRegionError) as caught:
        load(copy, case.now)
    code = folder.name.split("-")[0]
    assert code in {fault.code for fault in caught.value.faults}
    assert caught.value.exit_code == 2
    for fault in caught.value.faults:
        assert fault.english() in str(caught.value)
        assert fault.chinese() in str(caught.value)
        assert any("\u4e00" <= c <= "\u9fff" for c in fault.why_zh + fault.fix_zh), fault
        assert not any("\u4e00" <= c <= "\u9fff" for c in fault.title.en), fault


def test_every_code_has_a_case() -> None:
    missing = set(TITLES) - {folder.name.split("-")[0] for folder in FOLDERS}
    assert not missing, f"add tests/model/cases/<code>-<what>/ for {sorted(missing)}"

"""A store that was shut is opened by neighbours alone; a machine that is gone comes back from what they keep."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clients import openbao, podman, state, wait
from model import custody
from model.derive import Plan
from model.secrets import secrets_spec
from stacks.drills import contents, restore
from stacks.providers.secrets import ca_file, custody_file, deployer_file
from tests.live import support

PROVINCE, MACHINE = "zhejiang", "zhejiang-1"
#: Seconds to serve again without a person.
RESTARTED, REBUILT = 120, 300


@contextmanager
def officers_away(plan: Plan, folder: Path) -> Iterator[None]:
    """The officers have taken their shares with them."""
    files = [custody_file(plan, s) for s in plan.sites]
    kept = {f: folder / f"{number}.json" for number, f in enumerate(files)}
    for file, away in kept.items():
        shutil.move(file, away)
    try:
        yield
    finally:
        for file, away in kept.items():
            shutil.move(away, file)


def _contents(plan: Plan, province: str) -> contents.Contents:
    """Every version of every secret and key, and every issuer, as digests."""
    site = plan.province(province)
    return restore.seen(site.openbao_url, ca_file(plan, site), deployer_file(plan, site), secrets_spec(plan, site))


def test_no_share_lies_here_in_the_clear_but_the_officers(plan: Plan) -> None:
    for site in plan.sites:
        held = json.loads(custody_file(plan, site).read_text())
        assert held["keepers"] == {} and len(held["officers"]) == custody.OFFICERS


def test_neighbours_open_a_machine_that_restarts(plan: Plan, tmp_path: Path) -> None:
    site = plan.province(PROVINCE)
    with officers_away(plan, tmp_path):
        podman.kill(site.head.full)
        began = time.monotonic()
        support.yrd("start")
        assert time.monotonic() - began < RESTARTED
    assert openbao.health(site.openbao_url, ca_file(plan, site)).serves
    said = support.inside("shanghai-1", "journalctl -u yrd-custody -o cat --since -10min")
    assert PROVINCE in said


def test_a_sealed_store_stops_up_before_anything_is_touched(plan: Plan, tmp_path: Path) -> None:
    site = plan.province(PROVINCE)
    helpers = [p.head.name for p in plan.provinces if p.name != PROVINCE]
    with officers_away(plan, tmp_path):
        for machine in helpers:
            support.inside(machine, "systemctl stop yrd-custody")
        try:
            support.inside(MACHINE, "systemctl restart openbao")
            said = support.yrd("up", code=3)
            assert "E300" in said.err and "yrd unseal" in said.err
        finally:
            for machine in helpers:
                support.inside(machine, "systemctl start yrd-custody")
        openbao.ready(site.openbao_url, ca_file(plan, site), 30)


def test_a_destroyed_machine_comes_back_with_its_secrets(plan: Plan, tmp_path: Path) -> None:
    site = plan.province(PROVINCE)
    # What was written since the last snapshot would be lost: with nothing newer, all of it must come back.
    wait.until("a snapshot of everything", lambda: not _drill()["differences"], seconds=180)
    before = _contents(plan, PROVINCE)
    root = state.root_certificate(support.ENVIRONMENT, PROVINCE).read_text()
    with officers_away(plan, tmp_path):
        podman.remove(site.head.full)
        podman.Disk(state.machine(support.ENVIRONMENT, site.head.name)).remove()
        began = time.monotonic()
        said = support.yrd("up", "--json").json
        assert time.monotonic() - began < REBUILT
    assert said["errors"] == {}
    assert _contents(plan, PROVINCE) == before
    assert state.root_certificate(support.ENVIRONMENT, PROVINCE).read_text() == root
    assert support.yrd("status", "--json").json["ready"] is True
    assert support.yrd("up", "--json").json["changes"].keys() <= {"same"}


def _drill() -> dict[str, Any]:
    return dict(support.yrd("drill", "restore", "-p", PROVINCE, "--json", code=None).json["drills"][0])


def test_a_drill_restores_every_province_and_leaves_nothing_behind(plan: Plan) -> None:
    said = support.yrd("drill", "restore", "--json").json
    assert said["errors"] == {} and [d["province"] for d in said["drills"]] == [p.name for p in plan.provinces]
    for drill in said["drills"]:
        assert drill["passed"] and min(drill["compared"].values()) > 0
        assert drill["age_seconds"] < 180
    assert not [line for line in support.processes().values() if "yrd-drill-" in line]
    assert list(Path(tempfile.gettempdir()).glob("yrd-drill-*")) == []

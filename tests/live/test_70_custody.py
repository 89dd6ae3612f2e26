"""A store that was shut is opened by neighbours alone; a machine that is gone comes back from what they keep."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clients import openbao, podman, state
from model import access, custody
from model.derive import Plan
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


def _versions(plan: Plan, province: str) -> dict[str, object]:
    """The root, and number and content's digest of every secret that the deployer may see."""
    site = plan.province(province)
    client = openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site)))
    found: dict[str, object] = {"root": client.public("pki-root"), "mesh": client.public("pki-mesh")}
    for key in (access.ETCD_KEY, access.CUSTODY_KEY):
        found[key] = (client.read(f"{access.TRANSIT}/keys/{key}") or {})["keys"]
    return found


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
    before = _versions(plan, PROVINCE)
    with officers_away(plan, tmp_path):
        podman.remove(site.head.full)
        podman.Disk(state.machine(support.ENVIRONMENT, site.head.name)).remove()
        began = time.monotonic()
        said = support.yrd("up", "--json").json
        assert time.monotonic() - began < REBUILT
    assert said["errors"] == {}
    assert _versions(plan, PROVINCE) == before

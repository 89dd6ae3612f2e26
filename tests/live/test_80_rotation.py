"""Keys are replaced under load, one request every 10 ms over new connections, and the old ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clients import openbao
from model import pki
from model.derive import Plan
from stacks.providers.secrets import ca_file, deployer_file
from tests.live import support

#: Milliseconds without an answer that a new root of the mesh may cost.
MESH_GAP = 350
#: Seconds: five steps, each until the last proxy is seen to be done.
LONGEST = 1_800


def rotate(subject: str, province: str, env: dict[str, str] | None = None, code: int | None = 0) -> Any:
    done = support.yrd("rotate", subject, "-p", province, "--json", timeout=LONGEST, env=env, code=code)
    if code != 0:
        return None
    return done.json


def _root(plan: Plan, province: str) -> str:
    site = plan.province(province)
    return openbao.OpenBao(site.openbao_url, ca_file(plan, site)).public(pki.ROOT)


@pytest.mark.parametrize("province", ["anhui", "shanghai"])
def test_a_root_is_replaced_without_a_gap(plan: Plan, province: str) -> None:
    """The provider's root, then the consumer's: the same call is on both sides of it."""
    before = _root(plan, province)
    said = rotate("mesh", province)
    assert said["old_refused"] and said["failures"] == 0
    assert said["longest_gap_ms"] <= MESH_GAP
    assert said["requests"] > 500
    assert _root(plan, province) != before


def test_nothing_is_left_to_do_after(plan: Plan) -> None:
    said = support.yrd("up", "--json").json
    assert said["errors"] == {} and said["drift"] == [], json.dumps(said)[:2000]
    assert (said["changes"]["update"], said["ansible"]["changed"]) == (0, 0)


@pytest.mark.parametrize("step", ["trust", "leaves"])
def test_a_killed_rotation_is_finished_by_the_next(plan: Plan, step: str) -> None:
    before = _root(plan, "jiangsu")
    rotate("mesh", "jiangsu", {"YRD_FAILPOINT": f"rotated-mesh-{step}"}, code=-9)
    said = rotate("mesh", "jiangsu")
    assert said["rotations"][0]["resumed"] and said["old_refused"]
    site = plan.province("jiangsu")
    client = openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site)))
    assert client.anchors(pki.ROOT) == _root(plan, "jiangsu") != before, "one root, and a new one"


@pytest.mark.parametrize("subject", ["unseal", "pki", "keycloak"])
def test_the_old_one_is_refused(subject: str) -> None:
    said = rotate(subject, "anhui" if subject != "keycloak" else "shanghai")
    assert said["old_refused"] and said["failures"] == 0


def test_neighbours_still_open_a_store_after_new_shares(plan: Plan) -> None:
    site = plan.province("anhui")
    support.inside("anhui-1", "systemctl restart openbao")
    openbao.ready(site.openbao_url, ca_file(plan, site), 60)
    said = support.inside("shanghai-1", "journalctl -u yrd-custody -o cat --since -5min")
    assert "anhui" in said


def test_what_cannot_be_rotated_is_named() -> None:
    assert "E343" in support.yrd("rotate", "moon", code=2).err

"""Derivation: one file and one name make a fifth province; an agreement opens its flow for as long as it is valid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address
from itertools import chain
from pathlib import Path

import pytest

from model.derive import derive
from model.load import load
from model.types import World

AGREEMENT = "anhui-shanghai-population"
FUJIAN = {"anhui": "fujian", "安徽": "福建", "Anhui": "Fujian", "340000": "350000", "34,": "35,", "10.134": "10.135"}


@pytest.fixture
def five(copy: Path, edit: Callable[[str, str, str], None], now: datetime) -> World:
    """The region with Fujian: its file, its name in the list. `production` names servers, so it gets one more."""
    text = (copy / "region/provinces/anhui.yaml").read_text("utf-8")
    for old, new in {**FUJIAN, "10.154": "10.155"}.items():
        text = text.replace(old, new)
    (copy / "region/provinces/fujian.yaml").write_text(text, "utf-8")
    edit("region.yaml", "anhui]", "anhui, fujian]")
    (copy / "region/environments/production.yaml").unlink()
    return load(copy, now)


def test_a_fifth_province_is_one_file_and_one_name(five: World, world: World, now: datetime) -> None:
    before, after = derive(world, "local", now), derive(five, "local", now)
    fujian = after.province("fujian")
    assert len(after.provinces) == len(before.provinces) + 1
    assert fujian.trust_domain == "fujian.yrd"
    assert fujian.head.full == "yrd-local-fujian-1"
    assert fujian.head.address == IPv4Address("10.77.35.11")
    assert fujian.dns == IPv4Address("10.155.0.10")
    for old in before.provinces:
        new = after.province(old.name)
        assert (new.machines, new.pods, new.services, new.provides) == (
            old.machines,
            old.pods,
            old.services,
            old.provides,
        )
        assert set(new.partners) == {*old.partners, "fujian"}


def test_environments_share_no_name_and_no_address(world: World, now: datetime) -> None:
    plans = [derive(world, environment.name, now) for environment in world.environments]
    machines = [m for p in plans for m in chain.from_iterable(s.machines for s in p.sites)]
    assert len({m.full for m in machines}) == len(machines)
    assert len({m.address for m in machines}) == len(machines)


def test_a_machine_lies_in_its_segment_behind_its_router(world: World, now: datetime) -> None:
    plan = derive(world, "local", now)
    for site in plan.sites:
        assert site.router in site.segment
        assert all(m.address in site.segment and m.address != site.router for m in site.machines)
        assert site.openbao_url == f"https://{site.head.address}:8200"
    assert plan.host_address in plan.environment.network


@pytest.mark.parametrize(
    ("moment", "opened"),
    [
        ("2025-12-31T23:59:59+08:00", False),
        ("2026-01-01T00:00:00+08:00", True),
        ("2031-12-30T23:59:59+08:00", True),
        ("2031-12-31T00:00:00+08:00", False),
    ],
)
def test_an_agreement_opens_its_flow_while_it_is_valid(world: World, moment: str, opened: bool) -> None:
    plan = derive(world, "local", datetime.fromisoformat(moment))
    provided = [f.agreement.name for p in plan.provinces for f in p.provides]
    consumed = [f.agreement.name for p in plan.provinces for f in p.consumes]
    assert provided == consumed == ([AGREEMENT] if opened else [])


def test_a_flow_knows_both_ends(world: World, now: datetime) -> None:
    (flow,) = derive(world, "local", now).province("anhui").provides
    assert (flow.provider, flow.consumer) == ("anhui", "shanghai")
    assert (flow.host, flow.sni) == ("anhui.exchange.yrd", "shanghai.exchange.anhui.yrd")
    assert [o.name for o in flow.operations] == ["verify"]


@pytest.mark.parametrize(("moment", "hours"), [("2026-11-24T12:00:00+00:00", 12), ("2032-01-01T00:00:00+08:00", 24)])
def test_a_basket_holds_until_it_ends(world: World, moment: str, hours: int) -> None:
    plan = derive(world, "local", datetime.fromisoformat(moment))
    assert plan.province("shanghai").settings["mesh-leaf-hours"] == hours
    assert plan.province("anhui").settings["mesh-leaf-hours"] == 24


def test_real_servers_keep_their_pinned_key(world: World, now: datetime) -> None:
    head = derive(world, "production", now).province("anhui").head
    assert head.ssh is not None
    assert head.ssh.host_key.startswith("ssh-ed25519 ")


def test_an_unknown_environment_is_an_error(world: World, now: datetime) -> None:
    with pytest.raises(KeyError):
        derive(world, "nowhere", now)

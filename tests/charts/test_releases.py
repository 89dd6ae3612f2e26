"""Releases as data: order, names, what changes when an agreement does. Needs no helm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from model import names
from model.derive import Plan, derive
from model.errors import BadInputError
from model.types import World
from stacks.charts import Release, assemble, exchange, mesh, releases
from tests.charts.conftest import IMAGES, NOW

SOMEWHERE = Path("somewhere")


def of(plan: Plan, province: str) -> dict[str, Release]:
    return {r.name: r for r in releases(plan, plan.province(province), IMAGES, SOMEWHERE, SOMEWHERE)}


@pytest.mark.parametrize("province", ["shanghai", "jiangsu", "zhejiang", "anhui"])
def test_each_release_comes_after_those_that_it_names(plan: Plan, province: str) -> None:
    seen: set[str] = set()
    for release in of(plan, province).values():
        assert set(release.after) <= seen, release.name
        seen.add(release.name)


def test_a_province_that_serves_nothing_has_no_data(plan: Plan) -> None:
    assert "population" in of(plan, "anhui")
    assert "population" not in of(plan, "shanghai")


def test_pods_wait_for_redirection_and_for_the_rule_that_denies_all(plan: Plan) -> None:
    found = of(plan, "anhui")
    for name in ("ingress", "egress", "population", "apps"):
        assert {"mesh-cni", "mesh-policy"} <= set(found[name].after)


def test_a_dataset_without_a_chart_is_refused(world: World, plan: Plan) -> None:
    unknown = world.datasets[0].model_copy(update={"name": "credit"})
    province = replace(plan.province("anhui"), datasets=(unknown,))
    with pytest.raises(BadInputError, match="credit"):
        releases(plan, province, IMAGES, SOMEWHERE, SOMEWHERE)


def test_a_service_without_a_chart_is_refused(world: World, plan: Plan) -> None:
    unknown = world.services[0].model_copy(update={"name": "counter"})
    with pytest.raises(BadInputError, match="counter"):
        releases(plan, replace(plan.province("shanghai"), offers=(unknown,)), IMAGES, SOMEWHERE, SOMEWHERE)


def test_every_partner_is_known_with_and_without_an_agreement(plan: Plan) -> None:
    values = exchange.values(plan, plan.province("anhui"))
    assert [p["name"] for p in values["partners"]] == list(plan.province("anhui").partners)
    shanghai = values["partners"][0]
    assert shanghai["callsUsAs"] == "shanghai.exchange.anhui.yrd"
    assert shanghai["weCallAs"] == "anhui.exchange.shanghai.yrd"
    assert shanghai["serverSecret"] == names.partner_secret("shanghai")
    assert shanghai["clientSecret"] == names.exchange_client_secret("shanghai")


def test_an_expired_agreement_opens_nothing(world: World) -> None:
    after = derive(world, "local", world.agreements[0].valid.until)
    assert exchange.values(after, after.province("anhui"))["agreements"] == []
    before = derive(world, "local", world.agreements[0].valid.until - timedelta(microseconds=1))
    assert len(exchange.values(before, before.province("anhui"))["agreements"]) == len(world.agreements)


def test_any_change_of_an_agreement_changes_its_digest(world: World) -> None:
    agreement = world.agreements[0]
    later = agreement.valid.model_copy(update={"until": agreement.valid.until + timedelta(days=1)})
    changed = agreement.model_copy(update={"valid": later})
    assert exchange.digest(changed) != exchange.digest(agreement)
    assert exchange.digest(agreement.model_copy()) == exchange.digest(agreement)


def test_workloads_live_as_long_as_the_province_says(plan: Plan) -> None:
    hours = {p: mesh.istiod(plan.province(p), IMAGES)["env"]["MAX_WORKLOAD_CERT_TTL"] for p in ("shanghai", "anhui")}
    assert hours == {p: f"{plan.province(p).settings['mesh-leaf-hours']}h" for p in hours}
    assert hours["shanghai"] != hours["anhui"]


def test_upstream_files_are_copied_into_a_folder_named_by_its_content(tmp_path: Path, plan: Plan) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "crds.yaml").write_text("one")
    (share / "calico-vxlan.yaml").write_text("two")
    found = {r.name: r for r in releases(plan, plan.province("anhui"), IMAGES, SOMEWHERE, share)}
    first = assemble(found["calico-base"], tmp_path / "cache")
    assert (first / "files" / "crds.yaml").read_text() == "one"
    assert assemble(found["calico-base"], tmp_path / "cache") == first
    (share / "crds.yaml").write_text("changed")
    assert assemble(found["calico-base"], tmp_path / "cache") != first
    assert assemble(found["apps"], tmp_path / "cache") == found["apps"].chart


def test_dates_are_those_of_the_test(plan: Plan) -> None:
    assert all(f.agreement.valid.since <= NOW < f.agreement.valid.until for p in plan.provinces for f in p.provides)

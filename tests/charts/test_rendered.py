"""What the real helm makes of charts and values: the promises that hold for every object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from model import names
from model.derive import Plan, derive
from model.types import World
from tests.charts.conftest import NOW, Object, Render

GOLDEN = Path(__file__).parent / "golden" / "agreement.yaml"
BY_DIGEST = re.compile(r"registry\.yrd/[a-z0-9-]+@sha256:[0-9a-f]{64}")
PROVINCES = ["shanghai", "jiangsu", "zhejiang", "anhui"]
#: Namespaces whose workloads program the machine; each says why in its annotation.
SYSTEM = {"kube-system", names.MESH_NAMESPACE}


def key(item: Object, fallback: str = "") -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace", fallback), item["metadata"]["name"]


def every(rendered: dict[str, list[Object]]) -> list[Object]:
    return [item for objects in rendered.values() for item in objects]


def pods(rendered: dict[str, list[Object]]) -> Iterator[tuple[Object, dict[str, Any]]]:
    for item in every(rendered):
        if item["kind"] in ("Deployment", "DaemonSet", "StatefulSet"):
            yield item, item["spec"]["template"]["spec"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize("province", PROVINCES)
def test_no_object_is_delivered_twice(render: Render, plan: Plan, province: str) -> None:
    keys = [key(item) for item in every(render(plan, province))]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("province", PROVINCES)
def test_every_image_is_named_by_digest(render: Render, plan: Plan, province: str) -> None:
    found = [(item, c["image"]) for item, pod in pods(render(plan, province)) for c in containers(pod)]
    assert found
    for item, image in found:
        # The injector puts the proxy's image, which istiod's values name by digest, in the place of `auto`.
        gateway = item["metadata"]["namespace"] in (names.EXCHANGE_NAMESPACE, names.PUBLIC_NAMESPACE)
        assert BY_DIGEST.fullmatch(image) or (gateway and image == "auto"), (key(item), image)


def test_the_injected_proxy_is_named_by_digest(render: Render, plan: Plan) -> None:
    config = next(o for o in render(plan, "anhui")["mesh"] if o["metadata"]["name"] == "istio-sidecar-injector")
    proxy = yaml.safe_load(config["data"]["values"])["global"]
    assert BY_DIGEST.fullmatch(proxy["proxy"]["image"])
    assert BY_DIGEST.fullmatch(proxy["proxy_init"]["image"])


@pytest.mark.parametrize("province", PROVINCES)
def test_every_namespace_denies_by_default(render: Render, plan: Plan, province: str) -> None:
    objects = every(render(plan, province))
    used = {o["metadata"]["namespace"] for o, _ in pods(render(plan, province))}
    closed = {
        o["metadata"]["namespace"]
        for o in objects
        if o["kind"] == "NetworkPolicy" and o["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    }
    assert used == closed


@pytest.mark.parametrize("province", PROVINCES)
def test_namespaces_are_restricted_unless_they_say_why(render: Render, plan: Plan, province: str) -> None:
    found = [o for o in every(render(plan, province)) if o["kind"] == "Namespace"]
    for item in found:
        level = item["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        reason = item["metadata"]["annotations"].get("yrd/privileged-because")
        assert (level == "restricted") == (reason is None), item["metadata"]["name"]


@pytest.mark.parametrize("province", PROVINCES)
def test_workloads_meet_restricted_and_get_no_capability(render: Render, plan: Plan, province: str) -> None:
    found = [(o, p) for o, p in pods(render(plan, province)) if o["metadata"]["namespace"] not in SYSTEM]
    assert {o["metadata"]["name"] for o, _ in found} >= {"ingress", "egress", "consumer"}
    for item, pod in found:
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, key(item)
        assert not any(v.get("hostPath") for v in pod.get("volumes", []))
        assert not pod.get("hostNetwork")
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"], key(item)


@pytest.mark.parametrize("province", PROVINCES)
def test_no_account_of_ours_carries_a_token(render: Render, plan: Plan, province: str) -> None:
    objects = every(render(plan, province))
    accounts = {key(o)[1:]: o for o in objects if o["kind"] == "ServiceAccount"}
    for item, pod in pods(render(plan, province)):
        namespace = item["metadata"]["namespace"]
        if namespace not in SYSTEM:
            account = accounts[namespace, pod["serviceAccountName"]]
            assert account["automountServiceAccountToken"] is False, key(item)


@pytest.mark.parametrize("province", PROVINCES)
def test_only_gateways_are_open_to_other_machines(render: Render, plan: Plan, province: str) -> None:
    objects = every(render(plan, province))
    ports = plan.world.region.ports
    open_services = {
        o["metadata"]["name"]: [p["nodePort"] for p in o["spec"]["ports"]]
        for o in objects
        if o["kind"] == "Service" and o["spec"].get("type", "ClusterIP") != "ClusterIP"
    }
    public = {names.PUBLIC_ACCOUNT: [ports.public]} if plan.province(province).offers else {}
    assert open_services == {names.INGRESS_ACCOUNT: [ports.exchange], **public}


@pytest.mark.parametrize("province", PROVINCES)
def test_nothing_is_allowed_but_by_name(render: Render, plan: Plan, province: str) -> None:
    policies = [o for o in every(render(plan, province)) if o["kind"] == "AuthorizationPolicy"]
    assert {o["metadata"].get("namespace") for o in policies if o["spec"] == {}} >= {
        names.MESH_NAMESPACE,
        names.EXCHANGE_NAMESPACE,
        names.CONSUMER_NAMESPACE,
    }
    for policy in policies:
        # People have no certificate: their gateway asks for the right name instead, and hands on to one page.
        if policy["metadata"]["namespace"] == names.PUBLIC_NAMESPACE and policy["spec"]:
            assert [t["operation"]["hosts"] for r in policy["spec"]["rules"] for t in r["to"]] == [
                ["10.77.31.11:30444"]
            ]
            continue
        for rule in policy["spec"].get("rules", []):
            assert all(s["source"]["principals"] for s in rule["from"]), policy["metadata"]["name"]


def test_the_page_is_reached_through_the_public_gateway_and_reaches_the_identity_centre_only(
    render: Render, plan: Plan
) -> None:
    found = {key(o): o for o in render(plan, "shanghai")["affairs"]}
    policy = found["NetworkPolicy", names.CONSUMER_NAMESPACE, "affairs"]["spec"]
    (entry,), (way_out,) = policy["ingress"], policy["egress"]
    assert entry["from"][0]["podSelector"]["matchLabels"] == {"istio": names.PUBLIC_ACCOUNT}
    assert way_out["to"] == [{"ipBlock": {"cidr": f"{plan.hub.head.address}/32"}}]
    assert way_out["ports"] == [{"protocol": "TCP", "port": plan.world.region.ports.identity}]
    told = yaml.safe_load(found["ConfigMap", names.CONSUMER_NAMESPACE, "affairs"]["data"]["affairs.json"])
    assert told["public"] == "https://10.77.31.11:30444"
    assert [h["name"] for h in told["homes"]] == list(plan.world.region.members)
    assert "affairs" not in render(plan, "anhui")


def test_the_public_gateway_cannot_read_the_pages_key(render: Render, plan: Plan) -> None:
    rendered = render(plan, "shanghai")
    (role,) = (o for o in rendered["public"] if o["kind"] == "Role")
    assert role["metadata"]["namespace"] == names.PUBLIC_NAMESPACE
    assert {o["metadata"]["namespace"] for o in rendered["affairs"]} == {names.CONSUMER_NAMESPACE}


def test_mutual_tls_is_strict_in_the_root_namespace(render: Render, plan: Plan) -> None:
    found = [o for o in every(render(plan, "anhui")) if o["kind"] == "PeerAuthentication"]
    assert [(o["metadata"]["namespace"], o["spec"]) for o in found] == [
        (names.MESH_NAMESPACE, {"mtls": {"mode": "STRICT"}})
    ]


def test_each_partner_has_its_own_server_and_its_own_root(render: Render, plan: Plan) -> None:
    gateway = next(o for o in render(plan, "anhui")["exchange"] if key(o)[0::2] == ("Gateway", "ingress"))
    servers = [(s["hosts"], s["tls"]["credentialName"], s["tls"]["mode"]) for s in gateway["spec"]["servers"]]
    assert servers == [
        ([names.exchange_sni(p, "anhui", "yrd")], names.partner_secret(p), "MUTUAL")
        for p in plan.province("anhui").partners
    ]


def test_the_agreements_policy_is_the_golden_one(render: Render, plan: Plan) -> None:
    policy = next(o for o in render(plan, "anhui")["exchange"] if "yrd/agreement" in o["metadata"].get("labels", {}))
    expected = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
    assert policy == expected, f"write this to {GOLDEN.name}:\n{yaml.safe_dump(policy, sort_keys=False)}"


def test_an_edited_agreement_changes_its_own_policy_and_nothing_else(render: Render, world: World, plan: Plan) -> None:
    agreement = world.agreements[0]
    sooner = agreement.valid.model_copy(update={"until": agreement.valid.until - timedelta(days=1)})
    edited = world.model_copy(update={"agreements": (agreement.model_copy(update={"valid": sooner}),)})
    for province in PROVINCES:
        before = {key(o): o for o in every(render(plan, province))}
        after = {key(o): o for o in every(render(derive(edited, "local", NOW), province))}
        assert before.keys() == after.keys()
        changed = {k for k in before if before[k] != after[k]}
        policy = ("AuthorizationPolicy", names.EXCHANGE_NAMESPACE, names.policy(agreement.name))
        assert changed == ({policy} if province == agreement.provider.province else set())


def test_a_withdrawn_agreement_takes_its_policy_with_it(render: Render, world: World, plan: Plan) -> None:
    without = derive(world.model_copy(update={"agreements": ()}), "local", NOW)
    before = {key(o) for o in every(render(plan, "anhui"))}
    after = {key(o) for o in every(render(without, "anhui"))}
    policies = {names.policy(a.name) for a in world.agreements}
    assert {name for _, _, name in before - after} == policies
    assert after < before


def test_stock_envoy_is_asked_for_nothing_that_it_lacks(render: Render, plan: Plan) -> None:
    config = next(o for o in render(plan, "anhui")["mesh"] if key(o)[0::2] == ("ConfigMap", "istio"))
    wanted = yaml.safe_load(config["data"]["mesh"])
    assert wanted["defaultProviders"]["metrics"] == []
    assert wanted["trustDomain"] == plan.province("anhui").trust_domain
    assert wanted["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}


def test_a_value_that_no_schema_knows_is_refused(helm: Path) -> None:
    import subprocess

    from stacks.charts.types import CHARTS

    command = [str(helm), "template", "apps", str(CHARTS / "apps"), "--set", "image=docker.io/library/python:3"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "image" in ran.stderr

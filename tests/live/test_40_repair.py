"""What somebody breaks by hand is found, named and mended by a plain `yrd up`: on a machine, in a cluster, in OpenBao."""

from __future__ import annotations

import json

from clients import openbao, state
from model.derive import Plan
from model.secrets import secrets_spec
from policies import catalogue
from tests.live import support

#: Ten rules that a role enforces, each broken by the last of its own mutations. The first one of access_files_protected
#: would lock us out: sshd refuses a host key that others may read, and shows another one than the pinned one.
BROKEN = (
    "access_files_protected",
    "account_files_protected",
    "core_dumps_off",
    "failed_logins_lock",
    "inbound_default_deny",
    "network_sysctls",
    "passwords_age_and_are_hashed_well",
    "ssh_session_limits",
    "su_is_restricted",
    "sudo_is_recorded",
)
PROVINCE, MACHINE = "jiangsu", "jiangsu-1"
DATABASE = ("statefulset", "population-database", "-n", "data")
POLICY = ("networkpolicy", "default-deny", "-n", "apps")


def _failed(code: int | None) -> dict[str, dict[str, str]]:
    said = support.yrd("audit", "-p", PROVINCE, "--json", code=code).json
    return {r["control"]: r for r in said["results"] if r["verdict"] == "fail"}


def test_an_undisturbed_province_passes() -> None:
    said = support.yrd("audit", "--json").json
    assert said["summary"]["fail"] == said["summary"]["error"] == 0
    assert said["summary"]["pass"] > 100
    assert set(said["results"][0]) == {
        "control",
        "target",
        "province",
        "verdict",
        "expected",
        "observed",
        "source",
        "at",
    }


def test_the_audit_turns_red_and_names_what_it_expected_and_saw() -> None:
    rules = {r.id: r for r in catalogue.load()}
    for rule in BROKEN:
        support.inside(MACHINE, rules[rule].file.mutations[-1])
    failed = _failed(code=1)
    assert set(BROKEN) <= set(failed)
    for rule in BROKEN:
        assert failed[rule]["target"] == MACHINE
        assert (
            failed[rule]["expected"]
            and failed[rule]["observed"]
            and failed[rule]["expected"] != failed[rule]["observed"]
        )


def test_a_cluster_and_openbao_are_broken_too(plan: Plan) -> None:
    support.kubectl(PROVINCE, "delete", *POLICY)
    site = plan.province(PROVINCE)
    role = secrets_spec(plan, site).roles[0]
    folder = state.site(support.ENVIRONMENT, PROVINCE)
    client = openbao.connect(
        site.openbao_url, state.root_certificate(support.ENVIRONMENT, PROVINCE), openbao.load(folder / "deployer.json")
    )
    before = client.read(role.path)
    assert before is not None
    client.write(role.path, {**before, "allow_any_name": True})
    assert (client.read(role.path) or {})["allow_any_name"] is True


def test_a_rollout_that_never_becomes_ready_is_stuck() -> None:
    """The controller must not wait for the broken pod before it puts the mended one in its place."""
    broken = [{"op": "replace", "path": "/spec/template/spec/containers/0/command", "value": ["/bin/false"]}]
    support.kubectl("anhui", "patch", *DATABASE, "--type=json", "--patch", json.dumps(broken))
    ready = "jsonpath={.status.containerStatuses[?(@.name=='postgres')].ready}=false"
    support.kubectl("anhui", "wait", "pod", "population-database-0", "-n", "data", f"--for={ready}", "--timeout=120s")


def test_a_plain_up_finds_and_repairs_all_of_it(plan: Plan) -> None:
    said = support.yrd("up", "--json", timeout=1200).json
    told = json.dumps(said["drift"])
    assert said["errors"] == {}
    assert MACHINE in told and "default-deny" in told and "OpenBao" in told and DATABASE[1] in told, told
    assert said["ansible"]["changed"] > 0
    assert _failed(code=0) == {}
    assert "default-deny" in support.kubectl(PROVINCE, "get", *POLICY)
    again = support.yrd("up", "--json").json
    assert (again["changes"]["update"], again["ansible"]["changed"], again["drift"]) == (0, 0, [])

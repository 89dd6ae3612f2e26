"""Who an API server believes a token to be, which tokens it refuses, and that it waits for no realm."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from model import identity
from model.derive import Plan
from model.identity import AUDIT, POWERS, SECURITY, SYSTEM
from tests.access.conftest import PROVINCE, ApiServer, authentication, new
from tests.secrets.conftest import until
from tests.secrets.issuer import Issuer

Realms = dict[str, Issuer]


@pytest.mark.parametrize("power", POWERS)
def test_a_power_is_a_group_of_its_own_province(api: ApiServer, realms: Realms, power: str) -> None:
    status, user = api.who(realms[PROVINCE].token(roles=[power, "official"]))
    assert (status, user["username"]) == (201, "anhui:li.si")
    assert set(user["groups"]) == {f"anhui:{power}", "system:authenticated"}
    assert user["extra"]["yrd.people/acr"] == ["L3"]


def test_the_broker_gives_a_name_and_no_power(api: ApiServer, realms: Realms) -> None:
    token = realms[identity.BROKER].token(province="jiangsu", roles=[SYSTEM, "official"])
    status, user = api.who(token)
    assert (status, user["username"].partition(":")[0]) == (201, "region")
    assert set(user["groups"]) == {f"region:jiangsu:{SYSTEM}", "region:jiangsu:official", "system:authenticated"}
    assert api.ask("GET", "/api/v1/nodes", token).status_code == 403


REFUSED: dict[str, dict[str, object]] = {
    "another province's person": {"province": "jiangsu"},
    "no province": {"province": None},
    "a password alone": {"acr": "L2"},
    "no level": {"acr": None},
    "two powers": {"roles": [AUDIT, SYSTEM]},
    "an official": {"roles": ["official"]},
    "a citizen": {"roles": ["citizen"]},
    "no roles": {"roles": None},
    "roles that are no list": {"roles": AUDIT},
    "another audience": {"aud": ["openbao"]},
    "another issuer": {"iss": "https://127.0.0.1/realms/anhui"},
    "expired": {"exp": int(time.time()) - 60, "iat": int(time.time()) - 120},
    "for a year": {"exp": int(time.time()) + 31_536_000},
    "not yet valid": {"nbf": int(time.time()) + 900},
    "without a name": {"preferred_username": None},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_believed(api: ApiServer, realms: Realms, case: str) -> None:
    assert api.who(realms[PROVINCE].token(**REFUSED[case]))[0] == 401
    assert api.who(realms[PROVINCE].token())[0] == 201


def test_a_realm_that_is_not_believed_and_a_foreign_key_open_nothing(api: ApiServer, realms: Realms) -> None:
    assert api.who(realms["jiangsu"].token())[0] == 401
    assert api.who(realms["jiangsu"].token(iss=realms[PROVINCE].url))[0] == 401
    assert api.who(realms[PROVINCE].token(key=ec.generate_private_key(ec.SECP256R1())))[0] == 401
    assert api.who(realms[identity.BROKER].token(roles=["citizen"]))[0] == 401
    assert api.ask("GET", "/api/v1/namespaces").status_code == 401
    assert api.ask("GET", "/livez").status_code == 200


def test_system_names_cannot_be_taken(api: ApiServer, realms: Realms) -> None:
    status, user = api.who(realms[PROVINCE].token(preferred_username="system:admin"))
    assert (status, user["username"]) == (201, "anhui:system:admin")
    roles = [SYSTEM, "system:masters"]
    assert set(api.who(realms[PROVINCE].token(roles=roles))[1]["groups"]) == {f"anhui:{SYSTEM}", "system:authenticated"}


def test_security_grants_nobody_what_is_not_hers(api: ApiServer, realms: Realms) -> None:
    """Kubernetes' own guard: a role or binding may hold only what its maker holds."""
    token, rbac = realms[PROVINCE].token(roles=[SECURITY]), "/apis/rbac.authorization.k8s.io/v1"
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "wide"}}
    secrets = {
        **kind,
        "kind": "ClusterRole",
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    assert api.ask("POST", f"{rbac}/clusterroles", token, secrets).status_code == 403
    reference = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": f"yrd:{SYSTEM}"}
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "anhui:li.si"}
    binding = {**kind, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]}
    assert api.ask("POST", f"{rbac}/clusterrolebindings", token, binding).status_code == 403
    rules = [{"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["get"]}]
    assert api.ask("POST", f"{rbac}/clusterroles", token, {**secrets, "rules": rules}).status_code == 201
    assert api.ask("DELETE", f"{rbac}/clusterroles/wide", token).status_code == 200


def test_it_starts_and_serves_without_any_realm(tmp_path: Path, plan: Plan) -> None:
    """Keys are asked for in the background, outlive the realm that went away, and follow a rotation."""
    realm = Issuer(tmp_path / "realm", PROVINCE)
    realm.stop()
    server = new(tmp_path / "api")
    server.believe(authentication(plan, {PROVINCE: realm}))
    try:
        server.start()
        assert server.who(server.admin)[0] == 201
        assert server.who(realm.token())[0] == 401
        realm.start()
        until(lambda: server.who(realm.token())[0] == 201, 60)
        early = realm.token()
        realm.stop()
        assert server.who(early)[0] == 201
        realm.rotate()
        realm.start()
        assert server.who(realm.token())[0] == 201
        server.believe(authentication(plan, {}))
        until(lambda: server.who(realm.token())[0] == 401, 90)
        assert server.who(server.admin)[0] == 201
    finally:
        server.stop()
        realm.stop()


def test_a_realm_that_comes_later_is_believed_then(tmp_path: Path, plan: Plan) -> None:
    """A running API server is told of a realm that does not answer yet: everything else goes on, and it asks again by itself."""
    realm = Issuer(tmp_path / "realm", PROVINCE)
    realm.stop()
    server = new(tmp_path / "api")
    server.believe(authentication(plan, {}))
    try:
        server.start()
        server.believe(authentication(plan, {PROVINCE: realm}))
        until(lambda: 'status="failure"' in metric(server), 150)
        assert server.who(server.admin)[0] == 201
        realm.start()
        until(lambda: server.who(realm.token())[0] == 201, 150)
    finally:
        server.stop()
        realm.stop()


def metric(server: ApiServer) -> str:
    """What the API server counts of reloads."""
    lines = server.ask("GET", "/metrics", server.admin).text.splitlines()
    return "\n".join(line for line in lines if "authentication_config_controller_automatic_reloads_total" in line)

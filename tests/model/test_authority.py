"""Who may do what: the three powers share nothing that changes anything, and what derives from the table says the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest

from model import authority
from model.authority import AREAS, KUBERNETES
from model.identity import AUDIT, CITIZEN, OFFICIAL, POWERS, SECURITY, SYSTEM

READING = {"get", "list", "watch", "read"}


def kubernetes(power: str) -> set[tuple[str, str, str]]:
    return {
        (r.group, resource, verb) for r in authority.cluster_role(power) for resource in r.resources for verb in r.verbs
    }


def openbao(power: str) -> set[tuple[str, str]]:
    return {(path, cap) for path, caps in authority.openbao(power, ("kms",)) for cap in caps}


def changes_of(backend: str, power: str) -> set[object]:
    """What a power may change; the same thing readable by two powers is no overlap."""
    match backend:
        case "kubernetes":
            return {grant for grant in kubernetes(power) if grant[2] not in READING}
        case "openbao":
            changing = {path for area, act, path, _ in authority._OPENBAO if act == "change"}
            return {grant for grant in openbao(power) if grant[0] in changing}
        case "postgres":
            changing = {right for area, act, right in authority._POSTGRES if act == "change"}
            return set(authority.database_grants(power)) & changing
        case _:
            changing = {role for area, act, role in authority._KEYCLOAK if act == "change"}
            return set(authority.realm_management(power)) & changing


#: Areas that no power looks at or changes.
NOBODYS = ("deployment", "secrets", "data", "exchange", "portal")
BACKENDS = ("kubernetes", "openbao", "postgres", "keycloak")
EVERYTHING: dict[str, Callable[[str], set[object]]] = {
    "kubernetes": lambda power: set(kubernetes(power)),
    "openbao": lambda power: set(openbao(power)),
    "postgres": lambda power: set(authority.database_grants(power)),
    "keycloak": lambda power: set(authority.realm_management(power)),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_two_powers_change_the_same_thing(backend: str) -> None:
    for one, other in combinations(POWERS, 2):
        assert not changes_of(backend, one) & changes_of(backend, other)
        # What two powers share is for looking, and one of the two is audit: system and security share nothing at all.
        assert AUDIT in (one, other) or not EVERYTHING[backend](one) & EVERYTHING[backend](other)


@pytest.mark.parametrize("backend", BACKENDS)
def test_audit_changes_nothing(backend: str) -> None:
    assert EVERYTHING[backend](AUDIT)
    assert not changes_of(backend, AUDIT)


def test_the_table_itself_separates() -> None:
    assert all(area.changes != AUDIT for area in AREAS.values())
    assert all(not {SYSTEM, SECURITY} <= {*area.reads, area.changes} for area in AREAS.values())
    assert [name for name, area in AREAS.items() if area.reads == (AUDIT,)] == ["records"]
    assert [name for name, area in AREAS.items() if area == authority.Area()] == list(NOBODYS)


@pytest.mark.parametrize("role", [OFFICIAL, CITIZEN, "", "root"])
def test_everybody_else_administers_nothing(role: str) -> None:
    assert not any(give(role) for give in EVERYTHING.values())


def test_only_audit_reads_the_records() -> None:
    assert {p for p in POWERS if ("", "nodes/log", "get") in kubernetes(p)} == {AUDIT}
    assert {p for p in POWERS if ("sys/audit-hash/one", "update") in openbao(p)} == {AUDIT}
    assert {p for p in POWERS if "view-events" in authority.realm_management(p)} == {AUDIT}


@pytest.mark.parametrize("power", POWERS)
def test_no_power_reaches_a_secret_or_another_identity(power: str) -> None:
    grants = kubernetes(power)
    assert not any("*" in part for grant in grants for part in grant)
    resources = {resource for _, resource, _ in grants}
    forbidden = {"secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "nodes/proxy"}
    assert not resources & {*forbidden, "serviceaccounts/token", "users", "groups", "pods/proxy", "services/proxy"}
    assert not {verb for _, _, verb in grants} & {"escalate", "bind", "impersonate", "approve", "sign"}
    # Whoever writes a template of pods reads the namespace's secrets with it.
    makers = {r for r in resources if r in {"pods", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs"}}
    assert not {(r, v) for _, r, v in grants if r in makers and v in {"create", "update", "patch"}}
    paths = {path for path, _ in openbao(power)}
    assert not any(path.startswith(("kv/", "transit/", "pki-", "sys/storage/raft/snapshot")) for path in paths)
    assert not {(p, c) for p, c in openbao(power) if p.startswith("sys/policies") and c not in {"read", "list"}}
    assert not any("population" in right for right in authority.database_grants(power))
    assert not {"manage-realm", "manage-clients", "view-clients", "realm-admin", "impersonation"} & set(
        authority.realm_management(power)
    )


def test_every_kind_is_in_an_area_and_only_once() -> None:
    found = [(k.group, r) for k in KUBERNETES for r in k.resources]
    assert sorted(found) == sorted(set(found))
    assert {k.area for k in KUBERNETES} <= AREAS.keys()

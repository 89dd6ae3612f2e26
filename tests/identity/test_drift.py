"""A second apply changes nothing; what somebody changed by hand is found, named, and put right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clients.keycloak import Keycloak
from model import realms
from stacks import identity_apply
from stacks.identity_decide import decide
from stacks.identity_look import look
from tests.identity.browser import Browser
from tests.identity.server import Server


def test_a_second_apply_changes_nothing(centre: Server) -> None:
    assert centre.configure() == 0


def _settings(server: Keycloak) -> None:
    server.put("/zhejiang", {"bruteForceProtected": False, "accessTokenLifespan": 3600})


def _redirect(server: Keycloak) -> None:
    client = server.get("/zhejiang/clients", clientId="yrd")[0]
    path = f"/zhejiang/clients/{client['id']}"
    server.put(path, {**client, "redirectUris": [*client["redirectUris"], "https://elsewhere.example/*"]})


def _mapper(server: Keycloak) -> None:
    scope = next(s for s in server.get("/zhejiang/client-scopes") if s["name"] == "yrd-person")
    mapper = next(m for m in scope["protocolMappers"] if m["name"] == "roles")
    server.delete(f"/zhejiang/client-scopes/{scope['id']}/protocol-mappers/models/{mapper['id']}")


def _flow(server: Keycloak) -> None:
    """The second factor of administrators is switched off."""
    bound = server.get("/zhejiang")["browserFlow"]
    rows = server.get(f"/zhejiang/authentication/flows/{bound.replace(' ', '%20')}/executions")
    row = next(r for r in rows if r.get("displayName", "").endswith("system-administrator"))
    server.put(f"/zhejiang/authentication/flows/{bound}/executions", {**row, "requirement": "DISABLED"})


def _bound(server: Keycloak) -> None:
    server.put("/zhejiang", {"browserFlow": "browser"})


def _stranger(server: Keycloak) -> None:
    body = {"clientId": "back-door", "publicClient": True, "directAccessGrantsEnabled": True, "enabled": True}
    server.post("/zhejiang/clients", body)


def _grant(server: Keycloak) -> None:
    client = server.get("/zhejiang/clients", clientId="admin-cli")[0]
    server.put(f"/zhejiang/clients/{client['id']}", {**client, "enabled": True})


def _action(server: Keycloak) -> None:
    found = server.get("/zhejiang/authentication/required-actions/CONFIGURE_TOTP")
    server.put("/zhejiang/authentication/required-actions/CONFIGURE_TOTP", {**found, "enabled": False})


def _profile(server: Keycloak) -> None:
    """People may say themselves that they are verified."""
    profile = server.get("/zhejiang/users/profile")
    for attribute in profile["attributes"]:
        if attribute["name"] == "verified":
            attribute["permissions"] = {"view": ["admin", "user"], "edit": ["admin", "user"]}
    server.put("/zhejiang/users/profile", {**profile, "unmanagedAttributePolicy": "ENABLED"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_settings, "accessTokenLifespan,bruteForceProtected"),
        (_redirect, "set client yrd redirectUris"),
        (_mapper, "set scope yrd-person protocolMappers.roles"),
        (_flow, "set flow yrd-browser"),
        (_bound, "set flow yrd-browser"),
        (_stranger, "delete client back-door"),
        (_grant, "set client admin-cli enabled"),
        (_action, "set action CONFIGURE_TOTP"),
        (_profile, "set profile zhejiang"),
    ],
)
def test_a_change_by_hand_is_found_and_put_right(
    centre: Server, change: Callable[[Keycloak], None], named: str
) -> None:
    server, spec = centre.deployer(), realms.realm_spec(centre.plan, "zhejiang", centre.keys())
    change(server)
    live = look(server, spec)
    assert live
    told = [str(a) for a in decide(spec, live)]
    assert len(told) == 1
    assert named in told[0]
    assert identity_apply.establish(server, spec) == 1
    assert identity_apply.establish(server, spec) == 0


def test_a_provider_and_its_mappers_are_put_right(centre: Server) -> None:
    server, spec = centre.deployer(), realms.realm_spec(centre.plan, "region", centre.keys())
    server.delete("/region/identity-provider/instances/anhui")
    told = identity_apply.establish(server, spec)
    assert told == 1 + len(spec.mappers["anhui"])
    assert identity_apply.establish(server, spec) == 0


def test_what_keycloak_makes_by_itself_is_no_drift(centre: Server) -> None:
    """A logout without an application makes a client of Keycloak's own."""
    browser = Browser(centre.ca)
    browser.open(f"{centre.issuer('jiangsu')}/protocol/openid-connect/logout")
    assert centre.deployer().get("/jiangsu/clients", clientId="_system")
    assert centre.configure() == 0

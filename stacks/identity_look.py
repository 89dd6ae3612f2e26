"""LOOK: what a realm is now, in the same shape as the model says it (`model/realms.py`). Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clients.keycloak import Keycloak, part
from model.flows import Flow
from model.realms import MANAGEMENT, MASTER, RealmSpec

Rep = dict[str, Any]
#: A flow that is bound is never changed: another one is built beside it, and then bound.
SLOTS = ("a", "b")


@dataclass(frozen=True)
class Live:
    """A realm as Keycloak exports it, by name; `flows` are our own top-level flows by alias, in comparable form."""

    settings: Rep
    roles: dict[str, Rep]
    scopes: dict[str, Rep]
    clients: dict[str, Rep]
    flows: dict[str, list[Any]]
    providers: dict[str, Rep]
    mappers: dict[str, dict[str, Rep]]
    visible: dict[str, tuple[str, ...]]
    actions: dict[str, Rep]
    profile: Rep
    services: dict[str, tuple[str, ...]]
    rights: dict[str, tuple[str, ...]]
    reach: dict[str, tuple[str, ...]]

    def slot(self, flow: Flow) -> str:
        """Alias under which the flow lives as it should, empty where it does not."""
        wanted = flow.plain()
        return next((a for a in (alias(flow, s) for s in SLOTS) if self.flows.get(a) == wanted), "")


def alias(flow: Flow, slot: str) -> str:
    """`yrd-browser-a`: Keycloak's name of a flow."""
    return f"{flow.name}-{slot}"


def look(server: Keycloak, spec: RealmSpec) -> Live | None:
    """None for a realm that is not there."""
    realm = f"/{part(spec.name)}"
    if server.get(realm) is None:
        return None
    said = server.answer(f"{realm}/partial-export", exportClients=True, exportGroupsAndRoles=True)
    clients = {c["clientId"]: c for c in said.get("clients", ())}
    mappers: dict[str, dict[str, Rep]] = {}
    for mapper in said.get("identityProviderMappers", ()):
        mappers.setdefault(mapper["identityProviderAlias"], {})[mapper["name"]] = mapper
    visible = {
        str(row.get("clientScope") or row.get("client")): tuple(sorted(row["roles"]))
        for row in said.get("scopeMappings", ())
    }
    roles = {r["name"]: r for r in said.get("roles", {}).get("realm", ())}
    rights = {n: tuple(r.get("composites", {}).get("client", {}).get(MANAGEMENT, ())) for n, r in roles.items()}
    reach = said.get("clientScopeMappings", {}).get(MANAGEMENT, ())
    return Live(
        settings=said,
        roles=roles,
        scopes={s["name"]: s for s in said.get("clientScopes", ())},
        clients=clients,
        flows=_flows(said),
        providers={p["alias"]: p for p in said.get("identityProviders", ())},
        mappers=mappers,
        visible=visible,
        actions={a["alias"]: a for a in said.get("requiredActions", ())},
        profile=server.get(f"{realm}/users/profile") or {},
        services={name: _service(server, realm, clients, name) for name in spec.services},
        rights=rights,
        reach={str(row["client"]): tuple(row["roles"]) for row in reach if row.get("client")},
    )


def _service(server: Keycloak, realm: str, clients: dict[str, Rep], name: str) -> tuple[str, ...]:
    """Rights of a service account, without those that every account has."""
    client = clients.get(name)
    if client is None or not client.get("serviceAccountsEnabled"):
        return ()
    user = server.get(f"{realm}/clients/{client['id']}/service-account-user")
    held = server.get(f"{realm}/users/{user['id']}/role-mappings") or {}
    if realm == f"/{MASTER}":
        return tuple(sorted(r["name"] for r in held.get("realmMappings", ()) if not r["name"].startswith("default-")))
    rights = held.get("clientMappings", {}).get(MANAGEMENT, {}).get("mappings", ())
    return tuple(sorted(r["name"] for r in rights))


def _flows(said: Rep) -> dict[str, list[Any]]:
    flows = {f["alias"]: f for f in said.get("authenticationFlows", ())}
    config = {c["alias"]: c["config"] for c in said.get("authenticatorConfig", ())}
    top = [f for f in flows.values() if f["topLevel"] and not f["builtIn"]]
    return {f["alias"]: _steps(f, flows, config, f["alias"]) for f in top}


def _steps(flow: Rep, flows: dict[str, Rep], config: dict[str, Rep], top: str) -> list[Any]:
    found = []
    for step in sorted(flow["authenticationExecutions"], key=lambda s: int(s["priority"])):
        inner = flows.get(step.get("flowAlias", "")) if step.get("authenticatorFlow") else None
        own = {k: v.removeprefix(f"{top} ") for k, v in config.get(step.get("authenticatorConfig", ""), {}).items()}
        nested = _steps(inner, flows, config, top) if inner else []
        found.append(["" if inner else step["authenticator"], step["requirement"], own, nested])
    return found

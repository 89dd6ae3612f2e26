"""DECIDE: a realm as it should be against the realm as it is. Pure; only what the model says is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from model.flows import FIRST_LOGIN
from model.realms import RealmSpec
from stacks.identity_look import SLOTS, Live, alias

Kind = Literal[
    "settings",
    "profile",
    "role",
    "scope",
    "client",
    "visible",
    "service",
    "right",
    "reach",
    "flow",
    "provider",
    "mapper",
    "action",
]
#: What Keycloak makes by itself: in a new realm, and `_system` at the first page that belongs to no application.
OWN_CLIENTS = (
    "_system",
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "realm-management",
    "security-admin-console",
)
OWN_ROLES = ("offline_access", "uma_authorization")
OWN_SCOPES = (
    *("acr", "address", "basic", "email", "microprofile-jwt", "offline_access", "organization", "phone", "profile"),
    *("role_list", "roles", "saml_organization", "service_account", "web-origins"),
)


@dataclass(frozen=True)
class Action:
    """One step: `name` of a thing of a `kind`; `differs` are the fields that are not as they should be."""

    kind: Kind
    name: str
    verb: Literal["set", "delete"] = "set"
    differs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.verb, self.kind, self.name, ",".join(self.differs))).strip()


def decide(spec: RealmSpec, live: Live) -> tuple[Action, ...]:
    """Steps in the order in which they can be done; none when the realm is as it should be."""
    return (
        *_set("settings", {spec.name: spec.settings}, {spec.name: live.settings}),
        *_set("profile", {spec.name: spec.profile} if spec.profile else {}, {spec.name: live.profile}),
        *_roles(spec, live),
        *_set("scope", spec.scopes, live.scopes),
        *_set("client", spec.clients, live.clients),
        *_lists("visible", spec.visible, live.visible),
        *_lists("service", spec.services, live.services),
        *_lists("right", spec.rights, live.rights),
        *_lists("reach", spec.reach, live.reach),
        *_flows(spec, live),
        *_providers(spec, live),
        *_actions(spec, live),
        *(_strangers(spec, live) if spec.lists_strangers else ()),
    )


def _set(kind: Kind, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Action]:
    for name, rep in wanted.items():
        if name not in live:
            yield Action(kind, name, differs=("absent",))
        elif found := tuple(differences(rep, live[name])):
            yield Action(kind, name, differs=found)


def _lists(kind: Kind, wanted: Mapping[str, tuple[str, ...]], live: Mapping[str, tuple[str, ...]]) -> Iterator[Action]:
    for name, items in wanted.items():
        if (have := set(live.get(name, ()))) != set(items):
            yield Action(kind, name, differs=tuple(sorted(have ^ set(items))))


def _roles(spec: RealmSpec, live: Live) -> Iterator[Action]:
    for name, inside in spec.roles.items():
        have = live.roles.get(name)
        if have is None or set(have.get("composites", {}).get("realm", ())) != set(inside):
            yield Action("role", name)


def _flows(spec: RealmSpec, live: Live) -> Iterator[Action]:
    for flow in spec.flows:
        slot = live.slot(flow)
        if not slot or (flow.name != FIRST_LOGIN and live.settings.get("browserFlow") != slot):
            yield Action("flow", flow.name)


def _providers(spec: RealmSpec, live: Live) -> Iterator[Action]:
    first = next((live.slot(f) for f in spec.flows if f.name == FIRST_LOGIN), "")
    bound = {name: {**rep, "firstBrokerLoginFlowAlias": first} for name, rep in spec.providers.items()}
    yield from _set("provider", bound, live.providers)
    for provider, mappers in spec.mappers.items():
        have = live.mappers.get(provider, {})
        yield from _set(
            "mapper",
            {f"{provider}/{n}": m for n, m in mappers.items()},
            {f"{provider}/{n}": m for n, m in have.items()},
        )
        yield from (Action("mapper", f"{provider}/{n}", "delete") for n in sorted(have.keys() - mappers.keys()))


def _actions(spec: RealmSpec, live: Live) -> Iterator[Action]:
    for name, rep in live.actions.items() if spec.lists_strangers else ():
        if bool(rep.get("enabled")) != (name in spec.actions) or rep.get("defaultAction"):
            yield Action("action", name)


def _strangers(spec: RealmSpec, live: Live) -> Iterator[Action]:
    """What somebody made by hand: it goes, since nobody can say what it is for."""
    roles = {*spec.roles, *OWN_ROLES, f"default-roles-{spec.name.lower()}"}
    known: tuple[tuple[Kind, Any, set[str]], ...] = (
        ("client", live.clients, {*spec.clients, *OWN_CLIENTS}),
        ("provider", live.providers, set(spec.providers)),
        ("role", live.roles, roles),
        ("scope", live.scopes, {*spec.scopes, *OWN_SCOPES}),
        ("flow", live.flows, {alias(f, s) for f in spec.flows for s in SLOTS}),
        ("visible", live.visible, {*spec.visible, *OWN_SCOPES, *OWN_CLIENTS}),
    )
    for kind, have, ours in known:
        yield from (Action(kind, name, "delete") for name in sorted(have.keys() - ours))


def differences(wanted: Any, live: Any, path: str = "") -> Iterator[str]:
    """Dotted paths at which `live` is not what `wanted` says. Lists of named things are compared by name, others as sets."""
    if isinstance(wanted, dict):
        found = live if isinstance(live, dict) else {}
        for key, value in wanted.items():
            yield from differences(value, found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list):
        yield from _listed(wanted, live if isinstance(live, list) else [], path)
    elif (wanted or live) and wanted != live:
        yield path


def _listed(wanted: list[Any], live: list[Any], path: str) -> Iterator[str]:
    if not any(isinstance(item, dict) for item in (*wanted, *live)):
        if sorted(map(str, wanted)) != sorted(map(str, live)):
            yield path
        return
    ours, theirs = {i["name"]: i for i in wanted}, {i["name"]: i for i in live}
    yield from (f"{path}.{name}" for name in sorted(ours.keys() ^ theirs.keys()))
    for name in ours.keys() & theirs.keys():
        yield from differences(ours[name], theirs[name], f"{path}.{name}")

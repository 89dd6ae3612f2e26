"""DO: one step after the other through the admin API, then a second look. Safe to repeat after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from clients.keycloak import Keycloak, part
from model.errors import YrdError
from model.flows import FIRST_LOGIN, Flow, Step
from model.realms import MANAGEMENT, MASTER, RealmSpec
from stacks.identity_decide import Action, decide, differences
from stacks.identity_look import SLOTS, Live, alias, look

Rep = dict[str, Any]
Told = Callable[[Action], None]


def establish(server: Keycloak, spec: RealmSpec, told: Told = lambda _: None) -> int:
    """Make the realm what the model says; the number of steps. Raises YrdError E333 when it does not become that."""
    done = 0
    if server.get(f"/{part(spec.name)}") is None:
        # With its settings at once: no moment with a new realm's permissive ones.
        server.post("", {"realm": spec.name, **spec.settings})
        # The rights over a realm come with it, and a token has only those that there were.
        server.login()
        told(Action("settings", spec.name, differs=("absent",)))
        done += 1
    # Providers need the flow of the first login, so that what one round makes may be what the next one refers to.
    for _ in range(3):
        live = look(server, spec)
        actions = decide(spec, live) if live else ()
        if live is None or not actions:
            return done
        for action in actions:
            told(action)
            _Applier(server, spec, live).apply(action)
            done += 1
    final = look(server, spec)
    rest = ", ".join(map(str, decide(spec, final))) if final else "absent"
    if rest:
        raise YrdError("E333", f"身份域 {spec.name} 未达到期望：{rest}", f"realm {spec.name} did not become: {rest}")
    return done


class _Applier:
    """One look's worth of steps."""

    def __init__(self, server: Keycloak, spec: RealmSpec, live: Live) -> None:
        self.server, self.spec, self.live, self.base = server, spec, live, f"/{part(spec.name)}"

    def apply(self, action: Action) -> None:
        remove = f"_remove_{action.kind}" if action.verb == "delete" else f"_{action.kind}"
        getattr(self, remove)(action.name)

    def _settings(self, _: str) -> None:
        kept = self.live.settings.get("attributes", {})
        wanted = self.spec.settings
        more = {"attributes": {**kept, **wanted["attributes"]}} if "attributes" in wanted else {}
        self.server.put(self.base, {**wanted, **more})

    def _profile(self, _: str) -> None:
        self.server.put(f"{self.base}/users/profile", self.spec.profile)

    def _role(self, name: str) -> None:
        path = f"{self.base}/roles/{part(name)}"
        if name not in self.live.roles:
            self.server.post(f"{self.base}/roles", {"name": name})
        wanted = set(self.spec.roles[name])
        have = set(self.live.roles.get(name, {}).get("composites", {}).get("realm", ()))
        if wanted - have:
            self.server.post(f"{path}/composites", self._roles(wanted - have))
        if have - wanted:
            self.server.delete(f"{path}/composites", self._roles(have - wanted))

    def _remove_role(self, name: str) -> None:
        self.server.delete(f"{self.base}/roles/{part(name)}")

    def _roles(self, names: Iterable[str]) -> list[Rep]:
        return [self.server.get(f"{self.base}/roles/{part(n)}") for n in sorted(names)]

    def _scope(self, name: str) -> None:
        rep, have = self.spec.scopes[name], self.live.scopes.get(name)
        if have is None:
            self.server.post(f"{self.base}/client-scopes", {"name": name, **rep})
            return
        path = f"{self.base}/client-scopes/{have['id']}"
        attributes = {**have.get("attributes", {}), **rep["attributes"]}
        self.server.put(path, {"name": name, "protocol": rep["protocol"], "attributes": attributes})
        self._mappers(path, rep, have)

    def _remove_scope(self, name: str) -> None:
        self.server.delete(f"{self.base}/client-scopes/{self.live.scopes[name]['id']}")

    def _client(self, name: str) -> None:
        rep, have = self.spec.clients[name], self.live.clients.get(name)
        if have is None:
            self.server.post(f"{self.base}/clients", {"clientId": name, **rep})
            return
        path = f"{self.base}/clients/{have['id']}"
        plain = {k: v for k, v in have.items() if k not in {"protocolMappers", "secret"}}
        attributes = {**have.get("attributes", {}), **rep.get("attributes", {})}
        self.server.put(path, {**plain, **rep, "attributes": attributes, "protocolMappers": None})
        if "protocolMappers" in rep:
            self._mappers(path, rep, have)
        for kind in ("default", "optional"):
            if (wanted := rep.get(f"{kind}ClientScopes")) is not None:
                self._scopes_of(path, kind, set(wanted), set(have.get(f"{kind}ClientScopes", ())))

    def _scopes_of(self, path: str, kind: str, wanted: set[str], have: set[str]) -> None:
        ids = {s["name"]: s["id"] for s in self.server.get(f"{self.base}/client-scopes")}
        for name in sorted(have - wanted):
            self.server.delete(f"{path}/{kind}-client-scopes/{ids[name]}")
        for name in sorted(wanted - have):
            self.server.put(f"{path}/{kind}-client-scopes/{ids[name]}", {})

    def _remove_client(self, name: str) -> None:
        self.server.delete(f"{self.base}/clients/{self.live.clients[name]['id']}")

    def _mappers(self, path: str, rep: Rep, have: Rep) -> None:
        wanted = {m["name"]: m for m in rep.get("protocolMappers", ())}
        there = {m["name"]: m for m in have.get("protocolMappers", ())}
        for name in sorted(there.keys() - wanted.keys()):
            self.server.delete(f"{path}/protocol-mappers/models/{there[name]['id']}")
        for name, mapper in wanted.items():
            if name not in there:
                self.server.post(f"{path}/protocol-mappers/models", mapper)
            elif any(differences(mapper, there[name])):
                self.server.put(
                    f"{path}/protocol-mappers/models/{there[name]['id']}", {**mapper, "id": there[name]["id"]}
                )

    def _visible(self, name: str) -> None:
        path = self._mapped(name)
        have = {r["name"] for r in self.server.get(path) or ()}
        wanted = set(self.spec.visible.get(name, ()))
        if wanted - have:
            self.server.post(path, self._roles(wanted - have))
        if have - wanted:
            self.server.delete(path, self._roles(have - wanted))

    def _remove_visible(self, name: str) -> None:
        self._visible(name)

    def _mapped(self, name: str) -> str:
        scopes = {s["name"]: s["id"] for s in self.server.get(f"{self.base}/client-scopes")}
        where = f"client-scopes/{scopes[name]}" if name in scopes else f"clients/{self._id(name)}"
        return f"{self.base}/{where}/scope-mappings/realm"

    def _id(self, client: str) -> str:
        return str(self.server.get(f"{self.base}/clients", clientId=client)[0]["id"])

    def _service(self, name: str) -> None:
        if name not in self.spec.clients:
            return
        user = self.server.get(f"{self.base}/clients/{self._id(name)}/service-account-user")["id"]
        have, wanted = set(self.live.services.get(name, ())), set(self.spec.services[name])
        if self.spec.name == MASTER:
            self._change(f"{self.base}/users/{user}/role-mappings/realm", self._roles, have, wanted)
        else:
            path = f"{self.base}/users/{user}/role-mappings/clients/{self._id(MANAGEMENT)}"
            self._change(path, self._management, have, wanted)

    def _right(self, name: str) -> None:
        have, wanted = set(self.live.rights.get(name, ())), set(self.spec.rights[name])
        self._change(f"{self.base}/roles/{part(name)}/composites", self._management, have, wanted)

    def _reach(self, name: str) -> None:
        have, wanted = set(self.live.reach.get(name, ())), set(self.spec.reach[name])
        path = f"{self.base}/clients/{self._id(name)}/scope-mappings/clients/{self._id(MANAGEMENT)}"
        self._change(path, self._management, have, wanted)

    def _management(self, names: Iterable[str]) -> list[Rep]:
        path = f"{self.base}/clients/{self._id(MANAGEMENT)}/roles"
        return [self.server.get(f"{path}/{part(n)}") for n in sorted(names)]

    def _change(self, path: str, roles: Callable[[Iterable[str]], list[Rep]], have: set[str], wanted: set[str]) -> None:
        if wanted - have:
            self.server.post(path, roles(wanted - have))
        if have - wanted:
            self.server.delete(path, roles(have - wanted))

    def _provider(self, name: str) -> None:
        path = f"{self.base}/identity-provider/instances"
        have = self.live.providers.get(name)
        first = next(alias_ for alias_ in [_first(self.server, self.spec, self.live)] if alias_)
        body = {"alias": name, **self.spec.providers[name], "firstBrokerLoginFlowAlias": first}
        if have is None:
            self.server.post(path, body)
        else:
            self.server.put(f"{path}/{part(name)}", {**have, **body, "config": {**have["config"], **body["config"]}})

    def _remove_provider(self, name: str) -> None:
        self.server.delete(f"{self.base}/identity-provider/instances/{part(name)}")

    def _mapper(self, name: str) -> None:
        provider, _, own = name.partition("/")
        path = f"{self.base}/identity-provider/instances/{part(provider)}/mappers"
        body = {"name": own, "identityProviderAlias": provider, **self.spec.mappers[provider][own]}
        have = self.live.mappers.get(provider, {}).get(own)
        if have is None:
            self.server.post(path, body)
        else:
            self.server.put(f"{path}/{have['id']}", {**body, "id": have["id"]})

    def _remove_mapper(self, name: str) -> None:
        provider, _, own = name.partition("/")
        there = self.live.mappers[provider][own]["id"]
        self.server.delete(f"{self.base}/identity-provider/instances/{part(provider)}/mappers/{there}")

    def _action(self, name: str) -> None:
        body = {**self.live.actions[name], "enabled": name in self.spec.actions, "defaultAction": False}
        self.server.put(f"{self.base}/authentication/required-actions/{part(name)}", body)

    def _flow(self, name: str) -> None:
        flow = next(f for f in self.spec.flows if f.name == name)
        place = self.live.slot(flow) or build(self.server, self.base, flow, self.live)
        if name != FIRST_LOGIN:
            self.server.put(self.base, {"browserFlow": place})
        else:
            for provider in self.live.providers.values():
                path = f"{self.base}/identity-provider/instances/{part(provider['alias'])}"
                self.server.put(path, {**provider, "firstBrokerLoginFlowAlias": place})

    def _remove_flow(self, name: str) -> None:
        remove_flow(self.server, self.base, name)


def _first(server: Keycloak, spec: RealmSpec, live: Live) -> str:
    """Where the flow of the first login lives after this round."""
    flow = next(f for f in spec.flows if f.name == FIRST_LOGIN)
    again = look(server, spec)
    return (again or live).slot(flow)


def build(server: Keycloak, base: str, flow: Flow, live: Live) -> str:
    """The flow in the slot that nothing is bound to; the one that is bound goes on until then."""
    bound = {live.settings.get("browserFlow"), *(p.get("firstBrokerLoginFlowAlias") for p in live.providers.values())}
    place = next(a for a in (alias(flow, s) for s in SLOTS) if a not in bound)
    remove_flow(server, base, place)
    body = {"alias": place, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    _fill(server, base, server.post(f"{base}/authentication/flows", body), place, flow.steps)
    return place


def remove_flow(server: Keycloak, base: str, name: str) -> None:
    """With the flows inside it."""
    for found in server.get(f"{base}/authentication/flows"):
        if found["alias"] == name:
            server.delete(f"{base}/authentication/flows/{found['id']}")


def _fill(server: Keycloak, base: str, parent: str, top: str, steps: Iterable[Step]) -> None:
    for priority, step in enumerate(steps):
        body: Rep = {"parentFlow": parent, "requirement": step.requirement, "priority": priority}
        if step.steps:
            inner = {"alias": f"{top} {step.name}", "providerId": "basic-flow", "topLevel": False, "builtIn": False}
            child = server.post(f"{base}/authentication/flows", inner)
            server.post(f"{base}/authentication/executions", {**body, "flowId": child, "authenticatorFlow": True})
            _fill(server, base, child, top, step.steps)
            continue
        made = server.post(f"{base}/authentication/executions", {**body, "authenticator": step.name})
        if step.config:
            config = {k: f"{top} {v}" if k == "flow_to_check" else v for k, v in step.config.items()}
            server.post(f"{base}/authentication/executions/{made}/config", {"alias": f"{top} {made}", "config": config})

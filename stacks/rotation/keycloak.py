"""The key by which a province's realm signs: known to everybody before it signs, and gone when nothing that it signed lives.

    passive  a new key beside the old one; the realm publishes it and signs with the old one
    known    every partner's gateway verifies with both; who asks the realm by itself finds both
    active   the new one signs, the old one verifies
    expired  the longest life of a token has passed: what the old one signed has ended by itself
    retire   the old key is deleted, and nobody verifies with it

A gateway that this host may not enter is not asked: its own province applies what was published (`yrd up` there). API
servers, OpenBao and applications fetch keys by themselves, and at once when a token names one that they do not know.
"""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager
from typing import Any

from clients import keycloak, state, wait
from clients.prober import Request
from model import identity
from model.derive import Plan, ProvincePlan
from model.errors import UnreachableError
from stacks import exchange_tokens
from stacks.providers.realms import deployer_session
from stacks.rotation import exchange
from stacks.rotation.base import Old, Step
from stacks.rotation.spread import Province

KEYS = "org.keycloak.keys.KeyProvider"
#: A client without any right whose token outlives the rotation: by it the old key is shown to be refused, and not the time.
PROOF, PROOF_SECONDS = "rotation-proof", 7_200
#: Seconds beyond a token's life, for clocks that differ.
SKEW = 15.0


class Realm:
    """The signing key of one province's realm."""

    name = "keycloak"

    def __init__(self, plan: Plan, site: ProvincePlan) -> None:
        self.own = Province(plan, site)
        self.realm = identity.realm(plan, site.name)
        self.way = self._way()
        self.session = deployer_session(plan, self.realm.site)

    def _way(self) -> exchange.Path:
        """A call that the realm's own tokens open: the province is the one that asks."""
        plan, site = self.own.plan, self.own.site
        asking = [f for p in plan.provinces for f in p.provides if f.consumer == site.name]
        provider = plan.province(asking[0].provider if asking else site.partners[0])
        return exchange.Path(site, provider, asking[0] if asking else None)

    def standing(self) -> AbstractContextManager[str]:
        return self.way.standing(self.own.plan)

    def request(self) -> Request:
        return exchange.request(self.own.plan, self.way)

    def remember(self) -> dict[str, str]:
        """The old key's component and name, and a token that it signed."""
        self._forget()
        signing = self._signing()
        return {"component": str(signing["providerId"]), "kid": str(signing["kid"]), "token": self._proof()}

    def steps(self, old: Old) -> tuple[Step, ...]:
        return (
            Step("passive", lambda: self._passive(old)),
            Step("known", self._known),
            Step("active", lambda: self._active(old)),
            Step("expired", lambda: time.sleep(self._longest() + SKEW)),
            Step("retire", lambda: self._retire(old)),
        )

    def refused(self, old: Old) -> bool:
        """A living token of the old key is a stranger's, and one of the new key is not."""
        fresh = self._proof()
        self._forget()
        plan = self.own.plan
        return exchange.believed(plan, self.way, fresh) and not exchange.believed(plan, self.way, old["token"])

    def _signing(self) -> dict[str, Any]:
        """The key that signs tokens now."""
        told = self.session.get(f"/{self.realm.name}/keys")
        algorithm = self.session.get(f"/{self.realm.name}").get("defaultSignatureAlgorithm") or "RS256"
        return next(k for k in told["keys"] if k["kid"] == told["active"][algorithm])

    def _newer(self, old: Old) -> dict[str, Any] | None:
        """The component that a step of this rotation made."""
        found = self.session.get(f"/{self.realm.name}/components", type=KEYS)
        before = next((c for c in found if c["id"] == old["component"]), None)
        kind = before["providerId"] if before else self._kind(found)
        return next((c for c in found if c["providerId"] == kind and c["id"] != old["component"]), None)

    def _kind(self, found: list[dict[str, Any]]) -> str:
        signing = self._signing()["providerId"]
        return str(next(c["providerId"] for c in found if c["id"] == signing))

    def _passive(self, old: Old) -> None:
        if self._newer(old) is None:
            before = self.session.get(f"/{self.realm.name}/components/{old['component']}")
            kept = {k: v for k, v in before["config"].items() if k in ("priority", "algorithm", "keySize")}
            config = {**kept, "enabled": ["true"], "active": ["false"]}
            parent = {k: before[k] for k in ("providerId", "providerType", "parentId")}
            self.session.post(f"/{self.realm.name}/components", {**parent, "name": "next", "config": config})

    def _known(self) -> None:
        exchange_tokens.publish(self.own.plan, self.realm.name)
        for neighbour in self.own.neighbours():
            exchange_tokens.apply(neighbour.api(), self.own.plan, neighbour.site)
        able = {n.site.name for n in self.own.neighbours()}
        wait.until(
            f"gateways to verify with the keys of {self.realm.name}",
            lambda: not able & set(exchange_tokens.lacking(self.own.plan, self.realm.name)),
            seconds=120,
            every=1.0,
            fix="yrd up",
        )
        # The broker keeps keys for a while and asks at most every ten seconds; now it asks with the next login.
        self.session.post(f"/{identity.BROKER}/clear-keys-cache")

    def _active(self, old: Old) -> None:
        made = self._newer(old)
        assert made  # noqa: S101 - `passive` came before
        before = self.session.get(f"/{self.realm.name}/components/{old['component']}")
        above = str(int(before["config"]["priority"][0]) + 1)
        self._set(made, active="true", priority=above)
        self._set(before, active="false")
        if self._signing()["kid"] == old["kid"]:
            raise UnreachableError(
                "E346", f"{self.realm.name} 仍用旧密钥签名", f"{self.realm.name} still signs with its old key"
            )

    def _retire(self, old: Old) -> None:
        self.session.delete(f"/{self.realm.name}/components/{old['component']}")
        self._known()

    def _set(self, component: dict[str, Any], **config: str) -> None:
        body = {**component, "config": {**component["config"], **{k: [v] for k, v in config.items()}}}
        self.session.put(f"/{self.realm.name}/components/{component['id']}", body)

    def _longest(self) -> float:
        """Seconds that a token of the realm may live."""
        return max(
            float(self.session.get(f"/{self.realm.name}")["accessTokenLifespan"]), identity.EXCHANGE_TOKEN_SECONDS
        )

    def _proof(self) -> str:
        """A token for the provider's gateway that gives no right. Raises KeycloakError."""
        where = f"/{self.realm.name}/clients"
        value = secrets.token_urlsafe(32)
        body = {"clientId": PROOF, "secret": value, "serviceAccountsEnabled": True, "publicClient": False}
        body |= {"standardFlowEnabled": False, "directAccessGrantsEnabled": False, "fullScopeAllowed": False}
        life = {"access.token.lifespan": str(PROOF_SECONDS)}
        self._forget()
        self.session.post(
            where, {**body, "attributes": life, "protocolMappers": [_audience(self.way.provider.exchange)]}
        )
        credential = keycloak.Secret(PROOF, value, self.realm.name)
        root = state.root_certificate(self.own.plan.environment.name, self.realm.site.name)
        return keycloak.Keycloak(self.session.url, root, credential).token

    def _forget(self) -> None:
        for found in self.session.get(f"/{self.realm.name}/clients", clientId=PROOF):
            self.session.delete(f"/{self.realm.name}/clients/{found['id']}")


def _audience(provider: str) -> dict[str, Any]:
    config = {"included.custom.audience": provider, "access.token.claim": "true", "id.token.claim": "false"}
    mapper = {"name": "provider", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper"}
    return {**mapper, "config": config}

"""Secrets of a cluster whose values come from OpenBao: istiod's issuer, gateways' pairs, a database's logins.

A partner's root goes into the Secret of that partner alone (D5): with one bundle any province could mint any identity.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

from clients import cluster, journal, openbao
from model import access, identity, names, pki
from model.derive import Plan, ProvincePlan
from model.secrets import SecretsSpec, secrets_spec
from stacks import exchange_tokens, secrets_issue
from stacks.providers.base import Props, Provider, plan_of
from stacks.providers.secrets import ca_file, deployer_file
from stacks.providers.shared import root_of

Slot = tuple[str, str]
Values = dict[str, str]
CACERTS: Slot = (names.MESH_NAMESPACE, "cacerts")


class ClusterSecretsProvider(Provider):
    """Inputs: environment, site, `stage` (`mesh` or `exchange`), `secrets` = names of the Secrets."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:secrets-{props['stage']}"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        session = Session(props)
        stale = session.stale(wait_for_partners=False)
        return {}, [f"Secret {ns}/{name} is missing, old or of another root" for ns, name in sorted(stale)]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        session = Session(props)
        for namespace, name in sorted(session.stale(wait_for_partners=True)):
            values = session.make(namespace, name)
            if values:
                kind = "kubernetes.io/tls" if "tls.crt" in values else "Opaque"
                session.api.put_secret(namespace, name, values, kind, {"app.kubernetes.io/managed-by": "yrd"})
                journal.note("secret", site=session.province.name, object=f"{namespace}/{name}")
            else:
                journal.note(
                    "pending",
                    site=session.province.name,
                    what=f"{namespace}/{name}: the partner has not published its root yet",
                )
        return {}


class Session:
    """One run's connections to a province's cluster and OpenBao."""

    def __init__(self, props: Props) -> None:
        self.plan: Plan = plan_of(props)
        self.province: ProvincePlan = self.plan.province(str(props["site"]))
        self.stage = str(props["stage"])
        self.spec: SecretsSpec = secrets_spec(self.plan, self.province)
        self.api = cluster.connect(self.plan, self.province)
        self.bao = openbao.connect(
            self.province.openbao_url,
            ca_file(self.plan, self.province),
            openbao.load(deployer_file(self.plan, self.province)),
        )

    def stale(self, *, wait_for_partners: bool) -> set[Slot]:
        """Secrets that have to be made: absent, a third of their life left, names or roots that are not as planned."""
        found = set()
        for slot in wanted(self.province, self.stage):
            live = self.api.secret(*slot) or {}
            if self._stale(slot, live, wait_for_partners=wait_for_partners):
                found.add(slot)
        return found

    def _stale(self, slot: Slot, live: Values, *, wait_for_partners: bool) -> bool:
        if slot[1] in self._pages():
            return bool(ready := self._page(slot[1])) and live != ready
        if slot[1] == names.EXCHANGE_CLIENT:
            return bool(ready := self._client()) and live != ready
        role, partner = role_of(slot[1])
        if slot != CACERTS and not role:
            return not live
        anchors = self._anchors(slot, wait=wait_for_partners)
        if not anchors:
            # Nothing can be trusted yet: the look that follows the partner's publication finds it.
            journal.note("pending", site=self.province.name, what=f"{partner} has not published its root yet")
            return False
        return not self._paired(slot, live) or live.get(_anchors_key(slot), "").strip() != anchors.strip()

    def _paired(self, slot: Slot, live: Values) -> bool:
        """Whether the certificate may stay; what it is verified against is another question."""
        now, (role, _) = datetime.now(UTC), role_of(slot[1])
        if slot == CACERTS:
            return not secrets_issue.stale(live.get("ca-cert.pem", ""), self.bao, pki.MESH, now)
        planned = self.spec.role(pki.SERVER, role)
        return not secrets_issue.stale(live.get("tls.crt", ""), self.bao, pki.SERVER, now, planned)

    def _anchors(self, slot: Slot, *, wait: bool) -> str:
        """The roots that belong in a Secret: one site's, and two of it while it rotates; empty while none is published."""
        _, partner = role_of(slot[1])
        if slot == CACERTS:
            return secrets_issue.mesh_anchors(self.bao)
        if not partner:
            return self.bao.anchors(pki.ROOT)
        return root_of(self.plan, partner) if wait else _root_now(self.plan, partner)

    def make(self, namespace: str, name: str) -> Values:
        """Values of one Secret; empty while a partner's root is not known. A pair that is good stays."""
        if name == names.EXCHANGE_CLIENT:
            return self._client()
        if name in self._pages():
            return self._page(name)
        slot = (namespace, name)
        role, _ = role_of(name)
        if slot != CACERTS and not role:
            return self._logins(name)
        anchors, live = self._anchors(slot, wait=True), self.api.secret(*slot) or {}
        if not anchors:
            return {}
        if self._paired(slot, live):
            return {**live, _anchors_key(slot): anchors}
        if slot == CACERTS:
            return secrets_issue.mesh_issuer(self.bao, self.spec)
        pair = secrets_issue.pair(self.bao, self.spec, pki.SERVER, role)
        return {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": anchors}

    def _client(self) -> Values:
        """The exchange client's key, and the root that the province's realm is trusted by; empty while one is missing."""
        root = self._root(identity.realm(self.plan, self.province.name).site.name)
        key = exchange_tokens.client_key(self.bao)
        return {names.EXCHANGE_KEY_FILE: json.dumps(key, sort_keys=True), "ca.pem": root} if root and key else {}

    def _pages(self) -> tuple[str, ...]:
        return tuple(names.page_client(service.name) for service in self.province.offers)

    def _page(self, name: str) -> Values:
        """A page's key, and the roots that the broker and the home realms are trusted by; empty while one is missing."""
        sites = dict.fromkeys(realm.site.name for realm in identity.realms(self.plan))
        roots = [self._root(site) for site in sites]
        key = exchange_tokens.client_key(self.bao, name)
        return {"client.pem": key["pem"], "ca.pem": "".join(roots)} if all(roots) and key else {}

    def _root(self, site: str) -> str:
        return self.bao.anchors(pki.ROOT) if site == self.province.name else _root_now(self.plan, site)

    def _logins(self, name: str) -> Values:
        """A database's logins live in OpenBao; they are made there once, and copied to the cluster that uses them."""
        held = self.bao.read(access.kv_data(name))
        if not held:
            values = {
                "username": name.removesuffix("-database"),
                "password": secrets.token_urlsafe(24),
                "postgres-password": secrets.token_urlsafe(24),
            }
            self.bao.write(access.kv_data(name), {"data": values, "options": {"cas": 0}})
            return values
        return {k: str(v) for k, v in held["data"].items()}


def _root_now(plan: Plan, site: str) -> str:
    from clients import state

    path = state.root_certificate(plan.environment.name, site)
    return path.read_text() if path.exists() else ""


def _anchors_key(slot: Slot) -> str:
    return "root-cert.pem" if slot == CACERTS else "ca.crt"


def wanted(province: ProvincePlan, stage: str) -> tuple[Slot, ...]:
    """(namespace, name) of the Secrets of a stage."""
    if stage == "mesh":
        return (CACERTS,)
    gateways = [
        (names.EXCHANGE_NAMESPACE, f(p))
        for p in province.partners
        for f in (names.partner_secret, names.exchange_client_secret)
    ]
    client = (names.CONSUMER_NAMESPACE, names.EXCHANGE_CLIENT)
    databases = [(names.DATA_NAMESPACE, n) for d in pki.databases(province) for n in (d, f"{d}-tls")]
    pages = [(names.CONSUMER_NAMESPACE, names.page_client(s.name)) for s in province.offers]
    doors = [(names.PUBLIC_NAMESPACE, names.PUBLIC_SECRET)] if province.offers else []
    return (*gateways, client, *databases, *pages, *doors)


def role_of(secret: str) -> tuple[str, str]:
    """(PKI role, partner) behind a Secret's name; no role for logins."""
    if secret.startswith("partner-"):
        return "exchange-ingress", secret.removeprefix("partner-")
    if secret.startswith("exchange-"):
        return "exchange-egress", secret.removeprefix("exchange-")
    if secret.endswith("-tls"):
        return secret.removesuffix("-tls"), ""
    return "", ""

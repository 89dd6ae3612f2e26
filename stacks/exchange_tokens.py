"""Keys of exchange tokens: a province's client key goes to its realm, a realm's signing keys go to every partner's gateway.

Gateways hold the keys inline, each applied by the province itself (D5): nobody fetches them over the network, so Keycloak
may be away until the tokens that it gave have ended. In exchange a new signing key must reach the gateways before the realm
signs with it: add it as passive, `publish`, `apply` in every province, `lacking` is empty, and only then make it active.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from clients import cluster, keys, state
from clients.cluster import Cluster, Object
from clients.helm import kubectl_environment
from clients.openbao import OpenBao
from clients.shell import run
from model import access, identity, names
from model.derive import Plan, ProvincePlan
from model.errors import UnreachableError
from toolchain.install import tool

API = "security.istio.io/v1"
#: Of a published key, what verifying needs; the rest (certificate chains) would only make every gateway's listener longer.
FIELDS = ("alg", "crv", "e", "kid", "kty", "n", "use", "x", "y")


def client_key(bao: OpenBao, client: str = names.EXCHANGE_CLIENT) -> dict[str, str]:
    """A client's key as its province's OpenBao holds it in `kv`; empty before `make_client_key`."""
    held = bao.read(access.kv_data(client))
    return {name: str(value) for name, value in held["data"].items()} if held else {}


def make_client_key(bao: OpenBao, client: str = names.EXCHANGE_CLIENT) -> dict[str, str]:
    """The same, made where there is none yet; it goes from here into the store and is nowhere else."""
    if held := client_key(bao, client):
        return held
    pem = keys.key_pem(keys.new_key())
    made = {"pem": pem, "kid": _thumbprint(_public(pem))}
    bao.write(access.kv_data(client), {"data": made, "options": {"cas": 0}})
    return made


def client_jwks(held: dict[str, str]) -> str:
    """The public half, as the realm's client is told."""
    return canonical([{**_public(held["pem"]), "kid": held["kid"], "use": "sig", "alg": "ES256"}])


def canonical(published: list[dict[str, Any]]) -> str:
    """Signing keys alone, in one order and one spelling, so that equal sets are equal texts."""
    signing = [{f: k[f] for f in FIELDS if f in k} for k in published if k.get("use", "sig") == "sig"]
    return json.dumps({"keys": sorted(signing, key=lambda k: str(k["kid"]))}, sort_keys=True)


def publish(plan: Plan, realm: str) -> bool:
    """Put what the realm verifies with now where partners find it; True when it is new. Raises UnreachableError."""
    text = current(plan, realm)
    if text == published(plan, realm):
        return False
    state.write_atomic(state.realm_jwks(plan.environment.name, realm), text, 0o644)
    return True


def current(plan: Plan, realm: str) -> str:
    """What the realm itself verifies with, passive keys included. Raises UnreachableError when it does not answer."""
    found = identity.realm(plan, realm)
    root = state.root_certificate(plan.environment.name, found.site.name)
    session = requests.Session()
    session.trust_env, session.verify = False, str(root)
    try:
        answer = session.get(f"{found.issuer}/protocol/openid-connect/certs", timeout=10)
        answer.raise_for_status()
        return canonical(answer.json()["keys"])
    except (OSError, ValueError, KeyError) as silent:
        raise UnreachableError(
            "E350",
            f"{realm} 的身份域未公布密钥：{silent}",
            f"the realm {realm} does not publish its keys: {silent}",
            "先运行 yrd status",
            "look with `yrd status`",
        ) from silent


def published(plan: Plan, realm: str) -> str:
    """Empty while the realm has published nothing."""
    place = state.realm_jwks(plan.environment.name, realm)
    return place.read_text() if place.exists() else ""


def trust(plan: Plan, province: ProvincePlan, partner: str, jwks: str) -> Object:
    """What the province's ingress gateway believes of one partner's realm: its issuer, for this provider, by these keys."""
    rule = {
        "issuer": identity.realm(plan, partner).issuer,
        "audiences": [province.exchange],
        "jwks": jwks,
        # Left open, a token could also come in the query, and queries end up in logs.
        "fromHeaders": [{"name": "Authorization", "prefix": "Bearer "}],
    }
    return {
        "apiVersion": API,
        "kind": "RequestAuthentication",
        "metadata": {
            "name": names.realm_trust(partner),
            "namespace": names.EXCHANGE_NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "yrd", "yrd/realm": partner},
        },
        "spec": {"selector": {"matchLabels": {"istio": names.INGRESS_ACCOUNT}}, "jwtRules": [rule]},
    }


def wanted(plan: Plan, province: ProvincePlan) -> list[Object]:
    """One object per partner that has published; who has not is not believed."""
    texts = {partner: published(plan, partner) for partner in province.partners}
    return [trust(plan, province, partner, text) for partner, text in texts.items() if text]


def differing(api: Cluster, plan: Plan, province: ProvincePlan) -> tuple[list[Object], list[str]]:
    """(objects to put, names of those that nobody asked for)."""
    live = {o["metadata"]["name"]: o for o in api.all(API, "RequestAuthentication", names.EXCHANGE_NAMESPACE)}
    objects = wanted(plan, province)
    stale = [o for o in objects if live.get(o["metadata"]["name"], {}).get("spec") != o["spec"]]
    return stale, sorted(live.keys() - {names.realm_trust(p) for p in province.partners})


def apply(api: Cluster, plan: Plan, province: ProvincePlan) -> list[str]:
    """Bring the province's own gateway to what partners have published; names of what was changed."""
    stale, foreign = differing(api, plan, province)
    for item in stale:
        api.put(item)
    for name in foreign:
        api.delete(API, "RequestAuthentication", names.EXCHANGE_NAMESPACE, name)
    return [*(str(o["metadata"]["name"]) for o in stale), *foreign]


def lacking(plan: Plan, realm: str) -> tuple[str, ...]:
    """Provinces with a running gateway that does not verify with exactly what the realm has published."""
    kids = {k["kid"] for k in json.loads(published(plan, realm) or '{"keys": []}')["keys"]}
    issuer, partners = identity.realm(plan, realm).issuer, [p for p in plan.provinces if realm in p.partners]
    return tuple(p.name for p in partners if any(held.get(issuer) != kids for held in gateway_kids(plan, p)))


def gateway_kids(plan: Plan, province: ProvincePlan) -> list[dict[str, set[str]]]:
    """Issuer to key ids by pod, as each of the gateway's Envoys holds them."""
    return [_kids(rules) for rules in gateway_rules(plan, province)]


def gateway_rules(plan: Plan, province: ProvincePlan) -> list[list[dict[str, Any]]]:
    """JWT rules by pod, as Envoy runs them: an object in the API is not yet a decision at the gateway.

    A province whose gateway does not run verifies nothing, and holds nothing.
    """
    api = cluster.connect(plan, province)
    pods = api.all("v1", "Pod", names.EXCHANGE_NAMESPACE, f"istio={names.INGRESS_ACCOUNT}")
    return [_rules(api, p["metadata"]["name"]) for p in pods if p["status"]["phase"] == "Running"] or [[]]


def _rules(api: Cluster, pod: str) -> list[dict[str, Any]]:
    where = ["-n", names.EXCHANGE_NAMESPACE, "exec", pod, "-c", "istio-proxy"]
    ask = ["pilot-agent", "request", "GET", "config_dump?resource=dynamic_listeners"]
    command = [str(tool("kubectl")), "--kubeconfig", str(api.kubeconfig), *where, "--", *ask]
    said = run(command, timeout=60, env=kubectl_environment()).stdout
    # The agent's own warnings may stand before the answer.
    return _providers(json.loads(said[said.index("{") :]))


def _kids(rules: list[dict[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in rules:
        inline = json.loads(_inline(rule.get("local_jwks", {})))["keys"]
        found.setdefault(str(rule["issuer"]), set()).update(str(k.get("kid")) for k in inline)
    return found


def _providers(value: Any) -> list[dict[str, Any]]:
    """Every provider of every JWT filter, wherever it lies in the dump."""
    if isinstance(value, dict):
        own = list(value["providers"].values()) if isinstance(value.get("providers"), dict) else []
        return own + [p for v in value.values() for p in _providers(v)]
    return [p for v in value for p in _providers(v)] if isinstance(value, list) else []


def _inline(source: dict[str, str]) -> str:
    if "inline_bytes" in source:
        return base64.b64decode(source["inline_bytes"]).decode()
    return source.get("inline_string", '{"keys": []}')


def _public(pem: str) -> dict[str, Any]:
    """Raises ValueError for a key that is not an elliptic curve's."""
    key = keys.load_key(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the exchange client signs with ES256")
    return dict(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))


def _thumbprint(public: dict[str, Any]) -> str:
    """RFC 7638: a key's name that follows from the key."""
    text = json.dumps({k: public[k] for k in ("crv", "kty", "x", "y")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")

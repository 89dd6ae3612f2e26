"""Tokens as a realm would sign them, and as somebody else would: minted with a key that Anhui's gateway believes for a while."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from clients import cluster, wait
from model import identity
from model.derive import Flow, Plan
from stacks import exchange_tokens
from stacks.charts import exchange

#: Seconds by which Envoy lets clocks differ.
SKEW = 60


@dataclass(frozen=True)
class Mint:
    """A signing key of a realm; `kid` is how gateways find it."""

    kid: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)

    @property
    def public(self) -> dict[str, Any]:
        return {
            **RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True),
            "kid": self.kid,
            "use": "sig",
            "alg": "RS256",
        }

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})

    def unsigned(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, None, algorithm="none", headers={"kid": self.kid})

    def confused(self, claims: dict[str, Any]) -> str:
        """Signed with the public key as if it were a shared secret: what a careless verifier takes."""
        head, body = (_part(p) for p in ({"alg": "HS256", "kid": self.kid, "typ": "JWT"}, claims))
        secret = json.dumps(self.public).encode()
        mac = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{body}".encode(), secret)
        return f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def right(plan: Plan, flow: Flow, life: float = 300) -> dict[str, Any]:
    """What the consumer's realm says in a token of this agreement."""
    now = int(time.time())
    return {**exchange.claims(plan, flow), "sub": "service-account-exchange", "iat": now, "exp": int(now + life)}


@contextmanager
def believed(plan: Plan, flow: Flow, *mints: Mint) -> Iterator[None]:
    """The provider's gateway believes these keys of the consumer's realm, beside those that the realm has published."""
    province = plan.province(flow.provider)
    api = cluster.connect(plan, province)
    try:
        believe(plan, flow, *mints)
        yield
    finally:
        exchange_tokens.apply(api, plan, province)


def believe(plan: Plan, flow: Flow, *mints: Mint) -> None:
    """Returns when the running gateway verifies with them."""
    province, issuer = plan.province(flow.provider), identity.realm(plan, flow.consumer).issuer
    published = json.loads(exchange_tokens.published(plan, flow.consumer) or '{"keys": []}')["keys"]
    text = exchange_tokens.canonical([*published, *(m.public for m in mints)])
    cluster.connect(plan, province).put(exchange_tokens.trust(plan, province, flow.consumer, text))
    kids = {k["kid"] for k in json.loads(text)["keys"]}
    wait.until(
        f"{flow.provider}'s gateway to hold {sorted(kids)}",
        lambda: all(held.get(issuer) == kids for held in exchange_tokens.gateway_kids(plan, province)),
        seconds=60,
        every=0.5,
    )

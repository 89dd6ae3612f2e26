"""Keys by which our own clients prove themselves to a Keycloak: made where they are used, only the public half leaves."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from clients import keys, state
from clients.keycloak import MASTER, Signer


def signer(path: Path, client: str, realm: str = MASTER) -> Signer:
    """The key of a client as it lies in the site's own folder; made when there is none."""
    if not path.exists():
        state.write_atomic(path, keys.key_pem(keys.new_key()))
    pem = path.read_text()
    return Signer(client, pem, str(_public(pem)["kid"]), realm)


def jwks(who: Signer) -> dict[str, Any]:
    """The public half as a key set."""
    return {"keys": [{**_public(who.pem), "use": "sig", "alg": "ES256"}]}


def _public(pem: str) -> dict[str, Any]:
    key = keys.load_key(pem)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an EC key")
    public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    named = json.dumps({k: public[k] for k in ("crv", "kty", "x", "y")}, separators=(",", ":"), sort_keys=True)
    # RFC 7638: a name that follows from the key.
    return {**public, "kid": base64.urlsafe_b64encode(hashlib.sha256(named.encode()).digest()).decode().rstrip("=")}

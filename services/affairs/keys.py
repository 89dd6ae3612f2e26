"""How the page proves to the broker that it is itself: an assertion signed with its own key (RFC 7523)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
ASSERTION_SECONDS = 60


def load(path: Path) -> ECKey:
    """The key, named by its thumbprint (RFC 7638) as in `published`."""
    key = ECKey.import_key(path.read_text(encoding="ascii"))
    key.ensure_kid()
    return key


def published(path: Path) -> dict[str, Any]:
    """The public half as a key set, for the broker."""
    public = load(path).as_dict(private=False)
    return {"keys": [{**public, "use": "sig", "alg": ALGORITHM}]}


class Proof:
    """Authlib's client authentication; the key is read at each use, so that a rotated one needs no restart."""

    name = "private_key_jwt"

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, auth: Any, method: str, uri: str, headers: Any, body: Any) -> Any:
        key = load(self._path)
        auth.client_secret = key
        # Authlib's own limit is an hour; an assertion is used at once.
        claims = {"exp": int(time.time()) + ASSERTION_SECONDS}
        proof = PrivateKeyJWT(claims=claims, alg=ALGORITHM, headers={"kid": key.kid})
        return proof(auth, method, uri, headers, body)

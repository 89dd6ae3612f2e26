"""A broker on loopback with the checks of RFC 6749, 7636 and OpenID Connect: what the login is tried against without Keycloak."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

REALM = "/realms/region"


@dataclass
class Broker:
    """`roles` are those of whoever logs in next; `nonce` replaces the one that was asked for."""

    secret: str
    redirects: tuple[str, ...] = ()
    roles: list[str] = field(default_factory=list)
    nonce: str = ""
    issuer: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to; empty for a request that is refused."""
        self.asked.append(asked)
        if asked["redirect_uri"] not in self.redirects or asked.get("code_challenge_method") != "S256":
            return ""
        code = secrets.token_hex(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], client: tuple[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form["code"], None)
        if asked is None or client != ("portal", self.secret) or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(proof).decode().rstrip("=") != asked["code_challenge"]:
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "portal", "sub": "pairwise-1", "iat": now, "exp": now + 300}
        claims |= {"nonce": self.nonce or asked["nonce"], "roles": self.roles}
        text = jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"})
        return {"access_token": "opaque", "id_token": text, "token_type": "Bearer", "expires_in": 300}

    def keys(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}


@contextmanager
def serving(broker: Broker, context: ssl.SSLContext) -> Iterator[Broker]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == f"{REALM}/protocol/openid-connect/certs":
                self._json(200, broker.keys())
            else:
                to = broker.authorize({k: v[0] for k, v in parse_qs(parts.query).items()})
                self.send_response(302 if to else 400)
                if to:
                    self.send_header("location", to)
                self.send_header("content-length", "0")
                self.end_headers()

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {k: v[0] for k, v in parse_qs(text).items()}
            said = base64.b64decode(self.headers.get("authorization", "Basic Og==").split()[1]).decode().split(":")
            client = (form.get("client_id", said[0]), form.get("client_secret", said[1]))
            answer = broker.token(form, client)
            self._json(200 if answer else 400, answer or {"error": "invalid_grant"})

        def _json(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    broker.issuer = f"https://127.0.0.1:{server.server_address[1]}{REALM}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield broker
    server.shutdown()
    server.server_close()

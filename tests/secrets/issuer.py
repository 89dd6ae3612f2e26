"""A real issuer of tokens on loopback: its own key, published over TLS as OpenID Connect says, until somebody stops it."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

#: Claims as Keycloak writes them for an audit administrator of Anhui.
CLAIMS: dict[str, Any] = {
    "aud": ["kubernetes", "openbao"],
    "sub": "6b7f9a52-5f1c-4a8e-9d8e-0f4c2f0f1a11",
    "preferred_username": "li.si",
    "roles": ["audit-administrator", "official"],
    "province": "anhui",
    "level": "province",
    "region_code": "340000",
    "acr": "L3",
}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """`url` is the issuer; `root` the certificate by which it is trusted."""

    def __init__(self, folder: Path, realm: str = "anhui") -> None:
        self.folder, self.realm = folder, realm
        self.key, self.kid = ec.generate_private_key(ec.SECP256R1()), "first"
        folder.mkdir(parents=True, exist_ok=True)
        subject = ["-subj", "/CN=issuer", "-addext", "subjectAltName=IP:127.0.0.1"]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", str(folder / "key.pem")]
        command = ["openssl", "req", "-x509", *key, "-out", str(folder / "root.pem"), *subject]
        subprocess.run(command, check=True, capture_output=True)
        self.server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/realms/{self.realm}"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/protocol/openid-connect/certs"

    @property
    def root(self) -> str:
        return (self.folder / "root.pem").read_text()

    def start(self) -> None:
        """Answer, on the same port as before."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "root.pem", self.folder / "key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def answer(self, path: str) -> dict[str, object]:
        if path.endswith("/.well-known/openid-configuration"):
            return {
                "issuer": self.url,
                "jwks_uri": self.jwks_url,
                "id_token_signing_alg_values_supported": ["ES256"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
            }
        numbers = self.key.public_key().public_numbers()
        x, y = (encoded(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        key = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig"}
        return {"keys": [key]}

    def rotate(self) -> None:
        self.key, self.kid = ec.generate_private_key(ec.SECP256R1()), f"{self.kid}-next"

    def token(self, key: ec.EllipticCurvePrivateKey | None = None, **claims: object) -> str:
        """A token of this moment, five minutes long; None takes a claim away."""
        now = int(time.time())
        body = {**CLAIMS, "iss": self.url, "iat": now, "nbf": now - 1, "exp": now + 300, **claims}
        body = {name: value for name, value in body.items() if value is not None}
        header = {"alg": "ES256", "kid": self.kid, "typ": "JWT"}
        signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(body).encode())}"
        r, s = decode_dss_signature((key or self.key).sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

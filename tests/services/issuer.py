"""A small realm on loopback that really checks the client's statement and really signs: what `tokens` is tried against."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class Realm:
    """`life` of a token in seconds; `away` closes the connection without a word, as a dead server does."""

    folder: Path
    client: ec.EllipticCurvePrivateKey
    scopes: tuple[str, ...]
    life: float = 300
    away: bool = False
    issuer: str = ""
    asked: int = 0
    seen: set[str] = field(default_factory=set)
    signing: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def authority(self) -> Path:
        return self.folder / "issuer.crt"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """What RFC 6749 and RFC 7523 ask a server to check."""
        self.asked += 1
        if form.get("client_assertion_type") != ASSERTION or form.get("grant_type") != "client_credentials":
            return 400, {"error": "invalid_request"}
        try:
            said = jwt.decode(
                form["client_assertion"], self.client.public_key(), algorithms=["ES256"], audience=self.issuer,
                options={"require": ["exp", "iat", "jti"]},
            )  # fmt: skip
        except jwt.InvalidTokenError as wrong:
            return 401, {"error": "invalid_client", "error_description": str(wrong)}
        if said["jti"] in self.seen or said["iss"] != said["sub"]:
            return 401, {"error": "invalid_client"}
        self.seen.add(said["jti"])
        if form.get("scope") not in self.scopes:
            return 400, {"error": "invalid_scope"}
        claims = {"iss": self.issuer, "purpose": form["scope"], "exp": time.time() + self.life, "n": self.asked}
        text = jwt.encode(claims, self.signing, algorithm="ES256")
        return 200, {"access_token": text, "expires_in": self.life}


def certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "issuer.crt").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "issuer.key").write_text(pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "issuer.crt", folder / "issuer.key")
    return context


@contextmanager
def serving(realm: Realm) -> Iterator[Realm]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
            if realm.away or self.path != "/realms/shanghai/protocol/openid-connect/token":
                return
            status, said = realm.answer(form)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = certificate(realm.folder).wrap_socket(server.socket, server_side=True)
    realm.issuer = f"https://127.0.0.1:{server.server_address[1]}/realms/shanghai"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield realm
    server.shutdown()
    server.server_close()

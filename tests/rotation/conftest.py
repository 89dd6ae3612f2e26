"""A real HTTPS server on loopback whose certificate can be replaced while it answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from clients import keys
from clients.prober import Request

PAGE = b"as wanted"


def self_signed(name: str) -> tuple[str, str]:
    """(key, certificate) for loopback."""
    key = keys.new_key()
    who, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    builder = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return keys.key_pem(key), certificate.public_bytes(keys.serialization.Encoding.PEM).decode()


class Handler(BaseHTTPRequestHandler):
    """One page, counted per connection."""

    def do_GET(self) -> None:
        self.server.requests.append(self.client_address[1])  # type: ignore[attr-defined]
        self.send_response(503 if self.server.broken else 200)  # type: ignore[attr-defined]
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *args: object) -> None:
        return


class Site(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.broken, self.requests = folder, False, list[int]()
        self.resumed = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate = self.renew("first")

    def renew(self, name: str) -> str:
        key, certificate = self_signed(name)
        (self.folder / "pair.pem").write_text(key + certificate)
        self.context.load_cert_chain(self.folder / "pair.pem")
        self.certificate = certificate
        return certificate

    def finish_request(self, request: object, client_address: object) -> None:
        wrapped = self.context.wrap_socket(request, server_side=True)  # type: ignore[arg-type]
        self.resumed += bool(wrapped.session_reused)
        Handler(wrapped, client_address, self)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        return

    def wanted(self, ca: str = "") -> Request:
        return Request("127.0.0.1", self.server_address[1], "127.0.0.1", ca or self.certificate, contains="as wanted")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    server = Site(tmp_path)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()

"""Snapshots of this province's OpenBao, encrypted to its own operator, and those of neighbours, kept as they come.

What is served here is worthless to everybody but the owner's operator: CMS (RFC 5652, AES-256-GCM) around data that OpenBao
itself keeps encrypted. So a snapshot may be fetched without a credential, by those that the firewall lets come. A keeper
takes only what its owner signed (services/custody/envelope.py).
"""

from __future__ import annotations

import json
import os
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from services.bao import Session
from services.custody import envelope

#: How many of the own are kept; of a neighbour's the newest alone.
KEEP = 5
TIMEOUT = 30.0
#: A share's keeper must not be filled by a neighbour: bytes.
LIMIT = 256 * 1024 * 1024


def take(session: Session, site: str, recipient: Path, signer: envelope.Signer, folder: Path, now: datetime) -> Path:
    """A new snapshot, encrypted and signed before it touches the disk. Raises OSError."""
    stamp = now.astimezone(UTC).strftime(envelope.STAMP)
    sealed = envelope.seal(session.fetch("sys/storage/raft/snapshot"), site, stamp, recipient, signer)
    target = folder / f"{stamp}.cms"
    _place(target, sealed)
    for old in sorted(folder.glob("*.cms"))[:-KEEP]:
        old.unlink(missing_ok=True)
    return target


@dataclass(frozen=True)
class Source:
    """Where a neighbour's snapshots are, and by what they are known: its agent's name and its own root alone."""

    site: str
    url: str
    signer: str
    root: Path

    @staticmethod
    def load(path: Path) -> Source:
        """Raises OSError, ValueError, KeyError."""
        held = json.loads(path.read_text())
        return Source(path.stem, held["url"], held["signer"], path.with_suffix(".pem"))


def fetch(source: Source, folder: Path) -> Path | None:
    """Keep a neighbour's newest; None when it is here already. Raises requests' errors, OSError, ValueError."""
    known = newest(folder)
    headers = {"If-None-Match": f'"{known.stem}"'} if known else {}
    with requests.Session() as http:
        http.trust_env = False
        with http.get(source.url, headers=headers, verify=str(source.root), timeout=TIMEOUT, stream=True) as answer:
            if answer.status_code == HTTPStatus.NOT_MODIFIED:
                return None
            answer.raise_for_status()
            if int(answer.headers["Content-Length"]) > LIMIT:
                raise ValueError(f"{source.url}: more than {LIMIT} bytes")
            content = answer.raw.read(LIMIT)
    stamp, _ = envelope.opened(content, source.site, source.signer, source.root)
    if known and stamp <= known.stem:
        raise ValueError(f"{source.url}: {stamp} is not newer than {known.stem}, which is kept")
    _place(folder / f"{stamp}.cms", content)
    if known:
        known.unlink(missing_ok=True)
    return folder / f"{stamp}.cms"


def newest(folder: Path) -> Path | None:
    found = sorted(folder.glob("*.cms"))
    return found[-1] if found else None


def _place(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(target)


class _Handler(BaseHTTPRequestHandler):
    """`GET /snapshots/<site>`: the newest, its time as ETag. Nothing else is answered."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        first, _, site = self.path.strip("/").partition("/")
        found = newest(self.server.folder / site) if first == "snapshots" and site.isidentifier() else None
        if found is None:
            self._say(HTTPStatus.NOT_FOUND)
        elif self.headers.get("If-None-Match") == f'"{found.stem}"':
            self._say(HTTPStatus.NOT_MODIFIED)
        else:
            self._say(HTTPStatus.OK, found.read_bytes(), found.stem)

    def _say(self, status: HTTPStatus, body: bytes = b"", stamp: str = "") -> None:
        self.send_response(status)
        if stamp:
            self.send_header("ETag", f'"{stamp}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """The journal gets what happens, not every question."""


class Server(ThreadingHTTPServer):
    """TLS 1.3 with the province's own certificate, read again for every connection: it is renewed beneath us."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], folder: Path, certificate: str, key: str) -> None:
        self.folder, self._pair = folder, (certificate, key)
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*self._pair)
        request.settimeout(TIMEOUT)
        with context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller who speaks no TLS is no news."""

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()

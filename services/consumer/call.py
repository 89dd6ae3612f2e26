"""One HTTP call, measured; the standard library suffices."""

from __future__ import annotations

import http.client
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Headers of an answer that tell who answered and why; nothing else is shown.
SHOWN = ("content-type", "server", "x-envoy-upstream-service-time", "retry-after", "date")
#: Longest answer that is read. Bytes.
LONGEST_ANSWER = 64 * 1024
_TRACE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class BadCallError(ValueError):
    """The call cannot be made as it was asked for."""


@dataclass(frozen=True)
class Answer:
    """`milliseconds` from the connection's start to the answer's end."""

    status: int
    milliseconds: float
    body: str
    headers: Mapping[str, str]


def traceparent() -> str:
    """A fresh W3C trace context, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def call(url: str, method: str, trace: str, body: bytes | None, timeout: float, token: str = "") -> Answer:
    """Raises BadCallError for a call that makes no sense, OSError or http.client.HTTPException for one that failed."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise BadCallError(f"not an http:// address: {url} (the mesh adds TLS)")
    if not _TRACE.fullmatch(trace):
        raise BadCallError(f"not a W3C traceparent: {trace}")
    headers = {"traceparent": trace, "accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if body is not None:
        headers["content-type"] = "application/json"
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
    started = time.perf_counter()
    try:
        target = parts.path or "/"
        connection.request(method, f"{target}?{parts.query}" if parts.query else target, body, headers)
        response = connection.getresponse()
        text = response.read(LONGEST_ANSWER).decode(errors="replace")
    finally:
        connection.close()
    elapsed = round((time.perf_counter() - started) * 1000, 1)
    shown = {name: value for name in SHOWN if (value := response.headers.get(name)) is not None}
    return Answer(response.status, elapsed, text, shown)

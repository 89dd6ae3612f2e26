"""Keeps the consumer's pod alive and says so."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8080


class Health(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known = self.path == "/healthz"
        body = b"ok\n" if known else b"not found\n"
        self.send_response(200 if known else 404)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Probes are not worth a line each."""


def server(port: int = PORT) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("", port), Health)

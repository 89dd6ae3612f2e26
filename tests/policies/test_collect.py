"""Collectors talk HTTP to a server that answers like the API server and OpenBao do: pages, refusals, nothing at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hvac  # type: ignore[import-untyped]
import pytest
from kubernetes.client import ApiClient, Configuration

from policies import collect

ACCESSORS = {"one": ["deployer"], "two": ["root"]}


class Answers(BaseHTTPRequestHandler):
    """Namespaces come in two pages; network policies are refused; the meshes' kinds are not installed."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/api/v1/namespaces":
            last = "continue" in query
            page = {
                "metadata": {} if last else {"continue": "x"},
                "items": [{"metadata": {"name": "b" if last else "a"}}],
            }
            return self.answer(200, page)
        if url.path == "/v1/sys/seal-status":
            return self.answer(200, {"type": "static", "initialized": True, "sealed": False, "t": 1, "n": 1})
        if url.path == "/v1/sys/audit":
            return self.answer(200, {"data": {"two/": {}, "one/": {}}})
        return self.answer(403 if "networkpolicies" in url.path else 404, {"errors": []})

    def do_LIST(self) -> None:
        allowed = self.headers.get("X-Vault-Token") == "auditor"
        self.answer(
            200 if allowed else 403,
            {"data": {"keys": list(ACCESSORS)}} if allowed else {"errors": ["permission denied"]},
        )

    def do_POST(self) -> None:
        accessor = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["accessor"]
        self.answer(200, {"data": {"policies": ACCESSORS[accessor]}})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the base class
        """Tests are quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_page_is_read_and_a_refusal_stays_in_its_section(address: str) -> None:
    configuration = Configuration()
    configuration.host = address
    facts = collect.cluster(ApiClient(configuration))
    assert [item["metadata"]["name"] for item in facts["namespaces"]] == ["a", "b"]
    assert "403" in facts["networkpolicies"]["error"]
    assert "404" in facts["peerauthentications"]["error"]


def test_openbao_tells_seal_devices_and_root_tokens(address: str) -> None:
    facts = collect.openbao(hvac.Client(url=address, token="auditor"))  # noqa: S106 - of the server above
    assert facts["seal"]["type"] == "static"
    assert facts["audit"] == ["one/", "two/"]
    assert facts["tokens"] == {"root": ["two"], "count": 2}


def test_a_credential_that_may_not_list_tokens_is_told_apart(address: str) -> None:
    assert collect.openbao(hvac.Client(url=address, token="other"))["tokens"] == {"forbidden": True}  # noqa: S106


def test_nobody_there_is_an_error_in_each_section() -> None:
    facts = collect.openbao(hvac.Client(url="http://127.0.0.1:9"))
    assert all("error" in section for section in facts.values())

"""The consumer's call against a real server on this host."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.consumer import health
from services.consumer.__main__ import main
from services.consumer.call import BadCallError, call, traceparent


class Echo(BaseHTTPRequestHandler):
    """Answers 403 to GET, and to POST what it received."""

    def do_GET(self) -> None:
        self._answer(403, b"RBAC: access denied")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = {"trace": self.headers["traceparent"], "type": self.headers["content-type"], "body": body.decode()}
        self._answer(200, json.dumps(seen).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("set-cookie", "secret=1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/x"
    server.shutdown()
    server.server_close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main(["call", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_a_refusal_is_an_answer(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, result = run(capsys, "--url", address)
    assert (code, result["status"], result["body"]) == (0, 403, "RBAC: access denied")
    assert "set-cookie" not in result["headers"]  # type: ignore[operator]
    assert float(str(result["milliseconds"])) > 0


def test_the_given_trace_and_body_are_sent(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = traceparent()
    code, result = run(capsys, "--url", address, "--method", "post", "--trace", trace, "--json", '{"a": 1}')
    assert code == 0
    assert result["trace"] == trace
    assert json.loads(str(result["body"])) == {"trace": trace, "type": "application/json", "body": '{"a": 1}'}


def test_personal_data_comes_by_standard_input(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"b": 2}'))
    _, result = run(capsys, "--url", address, "--method", "POST", "--json")
    assert json.loads(str(result["body"]))["body"] == '{"b": 2}'


def test_no_answer_is_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, result = run(capsys, "--url", "http://127.0.0.1:9/", "--timeout", "2")
    assert code == 3
    assert "error" in result
    assert "status" not in result


@pytest.mark.parametrize(("url", "trace"), [("https://anhui/", traceparent()), ("http://anhui/", "00-0-0-01")])
def test_a_call_that_makes_no_sense_is_not_made(url: str, trace: str) -> None:
    with pytest.raises(BadCallError):
        call(url, "GET", trace, None, 1)


def test_traces_are_fresh_and_well_formed() -> None:
    one, two = traceparent(), traceparent()
    assert one != two
    assert [len(part) for part in one.split("-")] == [2, 32, 16, 2]


def test_the_pod_says_that_it_is_alive() -> None:
    server = health.server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert call(f"{base}/healthz", "GET", traceparent(), None, 5).status == 200
        assert call(f"{base}/other", "GET", traceparent(), None, 5).status == 404
    finally:
        server.shutdown()
        server.server_close()

"""The population service over HTTP, with a lookup in its place."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import psycopg
import pytest
from starlette.testclient import TestClient

from services.population import FRESH_HEADER
from services.population.app import LARGEST_BODY, app
from services.population.store import Store, StoreUnavailableError

KNOWN = ("340100190001010010", "测试甲子")
VERIFY = "/v1/population/verify"


@dataclass
class Known:
    """Knows one person; or nothing at all, when the database is down."""

    up: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)

    def matches(self, citizen_id: str, name: str, fresh: bool = False) -> bool:
        self.fresh.append(fresh)
        if not self.up:
            raise StoreUnavailableError
        self.asked.append((citizen_id, name))
        return (citizen_id, name) == KNOWN

    def ready(self) -> bool:
        return self.up


def ask(lookup: Known, citizen_id: object, name: object) -> tuple[int, dict[str, object]]:
    answer = TestClient(app(lookup)).post(VERIFY, json={"citizen_id": citizen_id, "name": name})
    return answer.status_code, answer.json()


def test_a_known_person_matches() -> None:
    assert ask(Known(), *KNOWN) == (200, {"result": "match"})


def test_another_name_is_a_mismatch_and_so_is_nobody() -> None:
    assert ask(Known(), KNOWN[0], "测试乙丑") == (200, {"result": "mismatch"})
    assert ask(Known(), "11010519491231002X", "测试甲子") == (200, {"result": "mismatch"})


def test_the_store_is_asked_for_the_written_form() -> None:
    lookup = Known()
    ask(lookup, " 11010519491231002x ", "  e\u0301  ")
    assert lookup.asked == [("11010519491231002X", "\u00e9")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "POP101"),
        (b"[]", 400, "POP101"),
        (b"{", 400, "POP101"),
        (b"\xff\xfe", 400, "POP101"),
        (b"[" * 4000, 400, "POP101"),
        (b"{}", 400, "POP102"),
        (b'{"citizen_id": "1", "name": "a", "more": 1}', 400, "POP102"),
        (b'{"citizen_id": 1, "name": "a"}', 400, "POP103"),
        (b'{"citizen_id": "340100190001010010", "name": " "}', 400, "POP104"),
        (b'{"citizen_id": "340100190001010010", "name": "a\\u0000b"}', 400, "POP104"),
        (b'{"citizen_id": "340100190001010010", "name": "\\ud800"}', 400, "POP104"),
        (b'{"citizen_id": "340100190001010011", "name": "a"}', 400, "POP105"),
        (b'{"name": "' + b"a" * LARGEST_BODY + b'"}', 413, "POP106"),
    ],
)
def test_a_bad_request_gets_a_code_in_both_languages(body: bytes, status: int, code: str) -> None:
    lookup = Known()
    answer = TestClient(app(lookup)).post(VERIFY, content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["zh"]
    assert error["en"]
    assert lookup.asked == []


def test_a_lost_database_is_not_a_mismatch() -> None:
    status, body = ask(Known(up=False), *KNOWN)
    assert status == 503
    assert body["error"]["code"] == "POP201"  # type: ignore[index]


def test_neither_logs_nor_metrics_nor_errors_hold_a_number_or_a_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = TestClient(app(Known()))
    wrong = client.post(VERIFY, json={"citizen_id": "340100190001010011", "name": KNOWN[1]})
    client.post(VERIFY, json={"citizen_id": KNOWN[0], "name": KNOWN[1]})
    metrics = client.get("/metrics").text
    assert 'yrd_population_answers_total{answer="match"} 1.0' in metrics
    own = "\n".join(r.getMessage() for r in caplog.records)
    for text in (wrong.text, metrics, own):
        assert "340100" not in text
        assert KNOWN[1] not in text


def test_who_measures_gets_new_connections_and_nobody_else() -> None:
    lookup, body = Known(), {"citizen_id": KNOWN[0], "name": KNOWN[1]}
    client = TestClient(app(lookup))
    client.post(VERIFY, json=body)
    client.post(VERIFY, json=body, headers={FRESH_HEADER: "1"})
    assert lookup.fresh == [False, True]


def test_alive_is_not_ready() -> None:
    down = TestClient(app(Known(up=False)))
    assert down.get("/healthz").status_code == 200
    assert down.get("/readyz").status_code == 503
    assert TestClient(app(Known())).get("/readyz").status_code == 200


def test_only_what_is_offered_is_there() -> None:
    client = TestClient(app(Known()))
    assert client.get(VERIFY).status_code == 405
    assert client.get("/v1/population/person").status_code == 404


def test_a_database_that_refuses_is_reported_without_the_question(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> psycopg.Connection[tuple[object, ...]]:
        raise psycopg.OperationalError("340100190001010010")

    store = Store(refuse, size=1)
    for _ in range(2):  # the second time shows that the slot came back
        with pytest.raises(StoreUnavailableError):
            store.matches(*KNOWN)
    assert not store.ready()
    assert "340100" not in caplog.text

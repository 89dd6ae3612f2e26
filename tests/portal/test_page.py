"""What the page says about good, bad and silent provinces; nothing silent is ever shown as good."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from services.portal.app import app, render
from services.portal.page import BAD, GOOD, UNKNOWN, page
from services.portal.source import Prometheus, Snapshot
from services.portal.words import WORDS
from tests.portal.world import NOW, SETTINGS, province, snapshot


def states(seen: Snapshot) -> dict[str, str]:
    return {card.name: card.state for card in page(SETTINGS, seen, NOW).cards}


def test_nothing_known_is_nothing_good() -> None:
    view = page(SETTINGS, Snapshot(fault="gone"), NOW)
    assert {card.state for card in view.cards} == {UNKNOWN}
    assert {arrow.state for arrow in view.arrows} == {UNKNOWN}
    assert {card.since for card in view.cards} == {"-"}


def test_a_province_that_is_not_heard_is_unknown_since_then_and_so_is_its_flow() -> None:
    view = page(SETTINGS, snapshot(anhui=province("anhui", up=0)), NOW)
    cards = {card.name: card for card in view.cards}
    assert cards["anhui"].state == UNKNOWN
    assert cards["anhui"].since == "2026-12-01 07:55:00 UTC"
    assert view.arrows[0].state == UNKNOWN
    assert cards["shanghai"].state == GOOD


@pytest.mark.parametrize(
    ("metric", "value", "state"),
    [
        ("yrd_node_ready", 0, BAD),
        ("yrd_openbao_sealed", 1, BAD),
        ("yrd_openbao_up", 0, BAD),
        ("yrd_mesh_ready", 0, BAD),
        ("yrd_workloads_ready", 1, BAD),
        ("yrd_certificate_not_after_timestamp_seconds", 1, BAD),
        ("yrd_node_ready", None, UNKNOWN),
        ("yrd_openbao_up", None, UNKNOWN),
        ("yrd_mesh_ready", None, UNKNOWN),
        ("yrd_machine_memory_working_set_bytes", None, UNKNOWN),
    ],
)
def test_one_fault_or_gap_is_not_hidden_by_the_rest(metric: str, value: float | None, state: str) -> None:
    found = states(snapshot(jiangsu=province("jiangsu", **{metric: value})))
    assert found == {"shanghai": GOOD, "jiangsu": state, "zhejiang": GOOD, "anhui": GOOD}


@pytest.mark.parametrize("metric", ["yrd_agreement_enforced", "yrd_agreement_in_force"])
def test_a_flow_is_good_only_while_it_is_in_force_and_enforced(metric: str) -> None:
    assert page(SETTINGS, snapshot(), NOW).arrows[0].state == GOOD
    assert page(SETTINGS, snapshot(anhui=province("anhui", **{metric: 0})), NOW).arrows[0].state == BAD


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["zh"].keys() == WORDS["en"].keys()


class Balance(HTMLParser):
    """Opened tags that were not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "link", "path", "rect", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "rect", "line"}:
            assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_html_is_whole_and_escapes_what_comes_from_outside(language: str) -> None:
    text = render(page(SETTINGS, Snapshot(fault="<script>alert(1)</script>"), NOW), language)
    assert "<script>" not in text
    balance = Balance()
    balance.feed(text)
    assert balance.open == []


def test_the_page_chooses_a_language_and_forbids_scripts() -> None:
    client = TestClient(app(SETTINGS, snapshot), follow_redirects=False)
    assert client.get("/", headers={"accept-language": "en-GB"}).headers["location"] == "/en"
    assert client.get("/", headers={"accept-language": "zh-CN"}).headers["location"] == "/zh"
    answer = client.get("/zh")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "安徽省" in answer.text
    assert client.get("/static/style.css").headers["content-type"].startswith("text/css")


def test_a_prometheus_that_is_gone_is_told_not_raised() -> None:
    seen = Prometheus("http://127.0.0.1:9").snapshot()
    assert seen.samples == ()
    assert seen.fault

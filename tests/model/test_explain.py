"""Agreements in words: state, days, who calls what through which names, and the objects that open it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from model.derive import derive
from model.errors import BadInputError
from model.explain import agreements, explain
from model.types import World

NAME = "anhui-shanghai-population"


@pytest.mark.parametrize(
    ("moment", "state", "days", "english"),
    [
        ("2025-12-30T00:00:00+08:00", "not-yet", 2, "not yet in force, begins in 2 days"),
        ("2031-12-01T00:00:00+08:00", "in-force", 30, "in force, 30 days left"),
        ("2032-01-10T00:00:00+08:00", "expired", 10, "expired, 10 days ago"),
    ],
)
def test_state(world: World, moment: str, state: str, days: int, english: str) -> None:
    (found,) = agreements(world, datetime.fromisoformat(moment))
    assert (found.state, found.days) == (state, days)
    assert found.line("en") == f"{NAME}  anhui -> shanghai  population: verify  {english}"
    assert f"{days} 天" in found.line("zh")
    assert json.loads(json.dumps(found.as_json()))["state"] == state


def test_explanation_names_the_whole_way(world: World, now: datetime) -> None:
    found = explain(derive(world, "local", now), NAME)
    assert found.in_force
    assert found.egress == "spiffe://shanghai.yrd/ns/exchange/sa/egress"
    assert found.ingress == "spiffe://anhui.yrd/ns/exchange/sa/ingress"
    assert (found.host, found.sni) == ("anhui.exchange.yrd", "shanghai.exchange.anhui.yrd")
    assert found.address == "10.77.34.11:30443"
    assert found.objects["anhui"] == (
        "AuthorizationPolicy exchange/agreement-anhui-shanghai-population",
        "Secret exchange/partner-shanghai",
    )
    assert found.objects["shanghai"] == ("Secret exchange/exchange-anhui",)
    assert [(c.method, c.answer) for c in found.calls] == [("POST", ("result",))]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Anhui verifies people for Shanghai (local: in force)", "may call population", "objects that open it"]),
        ("zh", ["安徽向上海提供人口核验 (local: 生效中)", "可以调用 population", "打开它的对象"]),
    ],
)
def test_text_is_in_one_language(world: World, now: datetime, language: str, words: list[str]) -> None:
    text = explain(derive(world, "local", now), NAME).text(language)  # type: ignore[arg-type]
    assert all(word in text for word in words), text
    assert any("\u4e00" <= c <= "\u9fff" for c in text) == (language == "zh")


def test_what_is_not_in_force_opens_nothing(world: World) -> None:
    found = explain(derive(world, "local", datetime.fromisoformat("2033-01-01T00:00:00+08:00")), NAME)
    assert not found.in_force
    assert "opens nothing" in found.text("en")
    assert json.loads(json.dumps(found.as_json(), ensure_ascii=False))["in_force"] is False


def test_an_unknown_agreement_names_the_nearest(world: World, now: datetime) -> None:
    with pytest.raises(BadInputError) as caught:
        explain(derive(world, "local", now), "anhui-shanghai-populaton")
    assert caught.value.code == "E131"
    assert NAME in caught.value.fix_en

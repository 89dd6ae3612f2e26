"""One agreement, really called: who may, who may not, and what both sides write down about it."""

from __future__ import annotations

import re

import pytest

from clients import wait
from tests.live import support

DATASET = ("--dataset", "population")


def attempt(consumer: str, *more: str, code: int) -> dict[str, object]:
    return dict(support.yrd("agreement", "try", "--consumer", consumer, *DATASET, *more, "--json", code=code).json)


@pytest.mark.parametrize(
    ("consumer", "more"),
    [("jiangsu", ()), ("zhejiang", ()), ("shanghai", ("--method", "GET")), ("shanghai", ("--path", "/v1/other"))],
    ids=["another province", "a third province", "another method", "another path"],
)
def test_what_no_agreement_allows_is_refused_with_403(consumer: str, more: tuple[str, ...]) -> None:
    answer = attempt(consumer, *more, code=1)
    assert (answer["allowed"], answer["status"]) == (False, 403), answer


def test_the_agreed_call_is_answered_and_leaves_one_line_on_either_side() -> None:
    answer = attempt("shanghai", code=0)
    assert (answer["allowed"], answer["status"]) == (True, 200), answer
    trace = str(answer["trace_id"])
    assert re.fullmatch(r"[0-9a-f]{32}", trace)
    for province, gateway in (("shanghai", "egress"), ("anhui", "ingress")):
        # A proxy writes its access log once a second.
        lines = wait.until(
            f"{province}'s access log of trace {trace}",
            lambda p=province, g=gateway: [
                line
                for line in support.kubectl(p, "logs", "-n", "exchange", f"deploy/{g}", "--tail=400").splitlines()
                if trace in line
            ],
            seconds=20,
        )
        if gateway == "ingress":
            assert any('"purpose":"anhui-shanghai-population"' in line for line in lines), "what for, beside who"
        assert any(" 200 " in line or '"200"' in line or ":200" in line for line in lines), lines


def test_istiod_rejected_no_configuration_anywhere() -> None:
    for province in support.plan().world.region.members:
        pod = support.kubectl(
            province, "get", "pod", "-n", "istio-system", "-l", "app=istiod", "-o", "jsonpath={.items[0].metadata.name}"
        )
        text = support.kubectl(
            province, "get", "--raw", f"/api/v1/namespaces/istio-system/pods/{pod}:15014/proxy/metrics"
        )
        connected = sum(float(n) for n in re.findall(r"^pilot_xds\{[^}]*\} (\S+)", text, re.MULTILINE))
        assert connected > 0, f"{province}: no proxy is connected, so nothing could have been rejected"
        rejected = [
            line for line in text.splitlines() if line.startswith("pilot_total_xds_rejects") and not line.endswith(" 0")
        ]
        assert rejected == [], province

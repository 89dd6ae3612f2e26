"""What was planned is what comes out, whatever happened while looking."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from model.errors import UnreachableError
from policies import catalogue, judge, report
from policies.judge import Collected
from policies.types import Result, Scope, Target, Verdict
from tests.policies.worlds import NOW, plan

RULES = catalogue.load()
GONE = UnreachableError("E193", "无应答", "does not answer")


def result(verdict: Verdict) -> Result:
    return Result("no_password_logins", "shanghai-1", "shanghai", verdict, "a", "b", "sshd", NOW)


def test_targets_are_machines_clusters_and_openbaos() -> None:
    targets = {target.name: target.scopes for target in judge.targets(plan(machines=2))}
    assert targets["shanghai-1"] == {Scope.HOST, Scope.CONTROL_PLANE}
    assert targets["shanghai-2"] == {Scope.HOST}
    assert targets["hub-1"] == {Scope.HOST}
    provinces = {f"{name}{part}" for name in ("shanghai", "anhui") for part in ("-1", "/cluster", "/openbao")}
    assert set(targets) == {"hub-1", "hub/openbao", "shanghai-2", *provinces}
    assert {t.province for t in judge.targets(plan(), ["anhui"])} == {"anhui"}


def test_one_result_per_planned_check_even_when_nothing_answers() -> None:
    targets = judge.targets(plan())
    facts: dict[Target, Collected] = dict.fromkeys(targets, GONE)
    results = judge.judge(RULES, facts, NOW)
    assert len(results) == len(judge.planned(RULES, targets)) > 100
    assert {r.verdict for r in results} == {Verdict.ERROR}
    assert "E193" in results[0].observed


def test_one_broken_section_spoils_its_own_rules_only() -> None:
    target = Target("m", "shanghai", frozenset({Scope.HOST}))
    case = next(c for c in catalogue.cases("su_is_restricted") if c.verdict is Verdict.PASS)
    facts = {**case.facts, "identity": {"container": ""}, "sudo": {"error": "PermissionError: no"}, "mounts": 7}
    by_rule = {r.control: r for r in judge.judge(RULES, {target: facts}, NOW)}
    assert by_rule["su_is_restricted"].verdict is Verdict.PASS
    assert by_rule["sudo_is_recorded"].verdict is Verdict.ERROR
    assert "PermissionError" in by_rule["sudo_is_recorded"].observed
    assert by_rule["temporary_mounts_restricted"].verdict is Verdict.ERROR


def test_shared_kernel_says_why_it_is_not_applicable() -> None:
    rule = next(r for r in RULES if r.id == "memory_is_randomised")
    seen = judge.observe(rule, {"identity": {"container": "podman"}})
    assert (seen.verdict, seen.observed.split(":")[0]) == (Verdict.NOT_APPLICABLE, "shared-kernel")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.PASS, Verdict.MANUAL, Verdict.NOT_APPLICABLE], 0),
        ([Verdict.PASS, Verdict.FAIL, Verdict.ERROR], 1),
        ([Verdict.PASS, Verdict.ERROR], 3),
    ],
)
def test_exit_codes(verdicts: list[Verdict], code: int) -> None:
    assert judge.exit_code([result(v) for v in verdicts]) == code


def test_json_has_exactly_these_fields() -> None:
    body = json.loads(report.to_json([result(Verdict.PASS), result(Verdict.FAIL)]))
    assert body["summary"] == {"pass": 1, "fail": 1, "error": 0, "manual": 0, "not_applicable": 0}
    assert list(body["results"][0]) == [
        "control",
        "target",
        "province",
        "verdict",
        "expected",
        "observed",
        "source",
        "at",
    ]
    assert body["results"][1]["verdict"] == "fail"
    assert body["results"][0]["at"].endswith("+00:00")


@pytest.mark.parametrize(("language", "title"), [("en", "No login by password"), ("zh", "不接受口令登录")])
def test_table_shows_failures_first(language: str, title: str) -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(report.table([result(Verdict.PASS), result(Verdict.FAIL)], RULES, language))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.index("fail ") < text.rindex("pass ")
    assert title in text

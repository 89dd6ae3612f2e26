"""Every case file of every rule is a test: facts in, the verdict in the file's name out."""

from __future__ import annotations

import pytest

from policies import catalogue, judge
from policies.catalogue import Case
from policies.types import Rule

RULES = catalogue.load()
CASES = [(rule, case) for rule in RULES for case in catalogue.cases(rule.id)]


@pytest.mark.parametrize(
    ("rule", "case"), CASES, ids=lambda value: getattr(value, "id", None) or getattr(value, "name", None)
)
def test_case_has_the_verdict_in_its_name(rule: Rule, case: Case) -> None:
    seen = judge.observe(rule, case.facts)
    assert seen.verdict == case.verdict, f"{rule.id}/{case.name}: {seen}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_facts_at_all_is_an_error_and_never_a_pass(rule: Rule) -> None:
    assert judge.observe(rule, {"identity": {"container": ""}}).verdict == "error"

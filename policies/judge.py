"""Judge facts by rules. Pure: what was planned is what comes out, one result per rule and target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from model.derive import Plan, ProvincePlan, Site
from model.errors import YrdError
from policies.kinds import KINDS
from policies.types import Facts, Observation, Result, Rule, Scope, Target, Unobservable, Verdict

#: What was collected from a target, or why nothing could be.
Collected = Facts | YrdError


def targets(plan: Plan, sites: Iterable[str] | None = None) -> tuple[Target, ...]:
    """Everything that an audit of these sites judges; all sites when none is named."""
    chosen = None if sites is None else set(sites)
    return tuple(target for site in plan.sites if chosen is None or site.name in chosen for target in _targets(site))


def planned(rules: Iterable[Rule], things: Iterable[Target]) -> tuple[tuple[Rule, Target], ...]:
    """Which rule is judged on which target."""
    listed = tuple(things)
    return tuple((rule, target) for rule in rules for target in listed if rule.file.scope in target.scopes)


def judge(rules: Iterable[Rule], facts: Mapping[Target, Collected], now: datetime) -> list[Result]:
    """One result per planned check: a target that could not be looked at yields errors, never fewer results."""
    return [_result(rule, target, observe(rule, facts[target]), now) for rule, target in planned(rules, facts)]


def observe(rule: Rule, facts: Collected) -> Observation:
    """What one rule sees in one target's facts."""
    source = rule.file.check.kind
    if isinstance(facts, YrdError):
        return Observation(rule.file.title.en, str(facts).splitlines()[0], source, Verdict.ERROR)
    container = str(facts.get("identity", {}).get("container", ""))
    if rule.file.shared_kernel and container:
        reason = f"shared-kernel: {container} containers have no kernel of their own; judged on real servers"
        return Observation(rule.file.title.en, reason, "identity", Verdict.NOT_APPLICABLE)
    try:
        return KINDS[rule.file.check.kind].judge(facts, rule.params)
    except Unobservable as missing:
        return Observation(rule.file.title.en, str(missing), source, Verdict.ERROR)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as broken:
        # Facts of another shape than the check knows: nobody can tell, and the other checks go on.
        return Observation(
            rule.file.title.en, f"unexpected facts: {type(broken).__name__} {broken}", source, Verdict.ERROR
        )


def summary(results: Iterable[Result]) -> dict[str, int]:
    """How many results have each verdict; every verdict is listed."""
    verdicts = [result.verdict for result in results]
    return {verdict.value: verdicts.count(verdict) for verdict in Verdict}


def exit_code(results: Iterable[Result]) -> int:
    """0 clean, 1 a check failed, 3 nothing failed but something could not be evaluated."""
    counts = summary(results)
    return 1 if counts[Verdict.FAIL] else 3 if counts[Verdict.ERROR] else 0


def with_declared(facts: Facts, declared: Mapping[str, object]) -> Facts:
    """Facts of a machine together with what the plan declares about it."""
    return {**facts, "declared": dict(declared)}


def _result(rule: Rule, target: Target, seen: Observation, now: datetime) -> Result:
    return Result(rule.id, target.name, target.province, seen.verdict, seen.expected, seen.observed, seen.source, now)


def _targets(site: Site) -> list[Target]:
    machines = [
        Target(
            m.name, site.name, frozenset({Scope.HOST, *({Scope.CONTROL_PLANE} if m.role == "control-plane" else ())})
        )
        for m in site.machines
    ]
    openbao = Target(f"{site.name}/openbao", site.name, frozenset({Scope.OPENBAO}))
    cluster = (
        [replace(openbao, name=f"{site.name}/cluster", scopes=frozenset({Scope.CLUSTER}))]
        if isinstance(site, ProvincePlan)
        else []
    )
    return [*machines, *cluster, openbao]

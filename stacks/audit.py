"""One audit: gather once per machine, cluster and OpenBao, judge, hand the verdict to each site's head. Reads only, but for that one file.

Hosts are read through testinfra over the pinned SSH connection that every other room uses; clusters and OpenBao by their APIs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import testinfra

from clients import cluster, facts, openbao, ssh
from model.derive import Plan, ProvincePlan, Site
from model.errors import UnreachableError, YrdError
from policies import catalogue, collect, judge
from policies.types import Result, Rule, Scope, Target
from stacks.providers.secrets import ca_file, deployer_file
from stacks.roles import baseline

#: Where a site's exporter finds the last verdict.
VERDICT = "/var/lib/yrd/audit.json"


def run(plan: Plan, rules: Sequence[Rule], sites: Iterable[str] | None = None) -> list[Result]:
    """Results of every planned check, in the order of the rules. A target that cannot be read yields errors, not silence."""
    targets = judge.targets(plan, sites)
    with ThreadPoolExecutor(8) as pool:
        gathered = list(pool.map(lambda target: _gather(plan, rules, target), targets))
    return judge.judge(rules, dict(zip(targets, gathered, strict=True)), datetime.now(UTC))


def _gather(plan: Plan, rules: Sequence[Rule], target: Target) -> judge.Collected:
    site = next(s for s in plan.sites if s.name == target.province)
    try:
        if Scope.CLUSTER in target.scopes and isinstance(site, ProvincePlan):
            return collect.cluster(cluster.connect(plan, site).api)
        if Scope.OPENBAO in target.scopes:
            trust = ca_file(plan, site)
            return collect.openbao(
                openbao.connect(site.openbao_url, trust, openbao.load(deployer_file(plan, site))).client
            )
        return _host(plan, rules, site, target.name)
    except YrdError as fault:
        return fault
    except (RuntimeError, OSError, AssertionError) as fault:
        # What testinfra raises when a command fails or a connection breaks.
        said = str(fault)[:300]
        return UnreachableError(
            "E198", f"无法审计 {target.name}：{said}", f"{target.name} could not be audited: {said}", "yrd status"
        )


def _host(plan: Plan, rules: Sequence[Rule], site: Site, name: str) -> judge.Collected:
    machine = next(m for m in site.machines if m.name == name)
    link = ssh.connect(plan.environment.name, site, machine)
    host = testinfra.get_host(f"ssh://{link.user}@{link.address}", ssh_extra_args=shlex.join(link.options()[2:]))
    seen = facts.look(host.check_output, [catalogue.needs(rules)], audit=True, become=link.user != "root")
    return judge.with_declared(seen.sections, baseline.declared(plan, site, machine))


def deliver(plan: Plan, results: Sequence[Result]) -> list[YrdError]:
    """Put each province's own verdict on its head machine, for its exporter. One province never gets another's.

    Returns why it could not be put somewhere: such a machine's results are errors already, and its exporter is silent.
    """
    faults = []
    for province in plan.provinces:
        own = [r for r in results if r.province == province.name]
        if not own:
            continue
        link = ssh.connect(plan.environment.name, province, province.head)
        try:
            link.write(VERDICT, json.dumps(verdict(own), ensure_ascii=False))
        except YrdError as fault:
            faults.append(fault)
    return faults


def verdict(results: Sequence[Result]) -> dict[str, Any]:
    """`{"at", "summary", "results": [{"control", "target", "verdict"}]}`: what is watched, without what was observed."""
    return {
        "at": max(r.at for r in results).astimezone(UTC).isoformat(),
        "summary": judge.summary(results),
        "results": [{"control": r.control, "target": r.target, "verdict": r.verdict.value} for r in results],
    }

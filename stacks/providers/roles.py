"""Ansible roles of one machine: only the roles whose inputs or live results differ are run (D14)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from pulumi.dynamic import DiffResult

from clients import ansible, facts, journal, ssh
from model import names
from model.derive import MachinePlan, Plan, Site
from stacks.providers.base import Props, Provider
from stacks.providers.machine import target
from stacks.roles import Managed
from stacks.roles.table import module

Digests = dict[str, dict[str, str]]


def content(role: str) -> str:
    """Digest of everything that a role is made of; a changed task, template or file means that it has to run."""
    digest = hashlib.sha256()
    for path in sorted((ansible.ROLES / role).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ansible.ROLES)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class RolesProvider(Provider):
    """Inputs: environment, site, machine, `roles` = {role: {content, variables}} in order of execution by `order`."""

    def identify(self, props: Props) -> str:
        return f"{names.machine(str(props['environment']), str(props['machine']))}:{'+'.join(props['order'])}"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        # The state keeps what the last run left: with the look's own digests in it, drift would become the norm.
        left = dict(props.get("live") or {})
        return left, _differences(left, _digests(props))

    def do(self, props: Props, old: Props | None) -> Any:
        roles = _needed(props, old)
        if os.environ.get("YRD_FULL"):
            roles = list(props["order"])
        if roles:
            _run(props, roles)
        return _digests(props)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        found = super().diff(_id, olds, news)
        return DiffResult(changes=True, replaces=found.replaces) if os.environ.get("YRD_FULL") else found


def _needed(props: Props, old: Props | None) -> list[str]:
    """Roles to run: those with other inputs than last time, and those whose results are not as the last run left them."""
    if not old or not old.get("live"):
        return list(props["order"])
    live, left = _digests(props), dict(old["live"])
    return [
        r for r in props["order"] if props["roles"][r] != dict(old.get("roles") or {}).get(r) or live[r] != left.get(r)
    ]


def _run(props: Props, roles: list[str]) -> None:
    plan, site, machine = target(props)
    link = ssh.connect(plan.environment.name, site, machine)
    variables: dict[str, Any] = {}
    for role in roles:
        variables |= props["roles"][role]["variables"]
        variables |= local_files(role)
    counts = ansible.run(
        link,
        roles,
        variables,
        progress=lambda task: journal.note("task", machine=machine.name, site=site.name, task=task),
    )
    journal.note("ansible", machine=machine.name, roles=roles, changed=counts.changed, ok=counts.ok, tasks=counts.names)


def local_files(role: str) -> dict[str, str]:
    """Paths on this host that a role copies from; not inputs, since another checkout has other paths. Their content's key is one."""
    from toolchain import apps

    return {f"{role}_{name}_source": str(apps.build(name)) for name in getattr(module(role), "APPS", ())}


def app_keys(role: str) -> dict[str, str]:
    """Content keys of the zipapps that a role copies, so that changed code is a changed input."""
    from toolchain import apps

    return {name: Path(apps.build(name)).stem for name in getattr(module(role), "APPS", ())}


def managed(plan: Plan, site: Site, machine: MachinePlan, role: str) -> Managed:
    result: Managed = module(role).managed(plan, site, machine)
    return result


def _digests(props: Props) -> Digests:
    """Live digests per role, by one command on the machine."""
    plan, site, machine = target(props)
    link = ssh.connect(plan.environment.name, site, machine)
    watched = {role: managed(plan, site, machine, role) for role in props["order"]}
    found = facts.look(link.run, watched.values(), become=link.user != "root")
    return {role: found.digests(parts) for role, parts in watched.items()}


def _differences(left: Digests, live: Digests) -> list[str]:
    found = []
    for role, digests in live.items():
        before = dict(left.get(role) or {})
        found += [
            f"{role}: {key} changed"
            for key in sorted(digests.keys() | before.keys())
            if digests.get(key) != before.get(key)
        ]
    return found

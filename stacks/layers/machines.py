"""Machines of a site, and the first roles on each: baseline and OpenBao."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pulumi import Resource, ResourceOptions

from clients import network
from model.derive import MachinePlan, Plan, Site
from stacks.providers.roles import app_keys, content
from stacks.roles.table import module
from stacks.things import Backbone, Machine, Roles
from toolchain import images


def backbone(plan: Plan) -> Backbone | None:
    """The network between local machines; real servers bring their own."""
    if plan.environment.machines != "podman":
        return None
    rules = hashlib.sha256(network.filter_rules(plan).encode()).hexdigest()[:16]
    segments = [str(s.segment) for s in plan.sites]
    return Backbone("backbone", {"environment": plan.environment.name, "segments": segments, "rules": rules})


def machine(plan: Plan, site: Site, target: MachinePlan, after: Sequence[Resource] = ()) -> Machine:
    """One machine of a site."""
    inputs = {
        "environment": plan.environment.name,
        "site": site.name,
        "machine": target.name,
        "address": str(target.address),
        "role": target.role,
    }
    return Machine(target.name, inputs, ResourceOptions(depends_on=list(after)))


def roles(
    plan: Plan, site: Site, target: MachinePlan, order: Sequence[str], on: Machine, after: Sequence[Resource]
) -> Roles:
    """Roles of one machine that run together. They vanish with the machine, so nothing is undone on the way down."""
    inputs = {
        "environment": plan.environment.name,
        "site": site.name,
        "machine": target.name,
        "order": list(order),
        "roles": {
            role: {"content": content(role), "apps": app_keys(role), "variables": variables(plan, site, target, role)}
            for role in order
        },
    }
    return Roles(f"{target.name}-{order[-1]}", inputs, ResourceOptions(depends_on=[on, *after], deleted_with=on))


def variables(plan: Plan, site: Site, target: MachinePlan, role: str) -> dict[str, Any]:
    """A role's variables as plain JSON values."""
    owner = module(role)
    extra = {"images": images.references()} if getattr(owner, "NEEDS_IMAGES", False) else {}
    return dict(json.loads(json.dumps(owner.variables(plan, site, target, **extra), default=str)))

"""Machines of a site, and the first roles on each: baseline and OpenBao."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pulumi import Resource, ResourceOptions

from clients import network
from model import custody as keepers
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from stacks.providers.roles import app_keys, content
from stacks.providers.secrets import spec_digest
from stacks.roles.table import module
from stacks.things import Backbone, Custody, Machine, Roles
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


def store(plan: Plan, site: Site) -> dict[str, str]:
    """Inputs of a site's OpenBao: digests of what it is to hold, and of what its role writes for the server."""
    role = {"content": content("openbao"), "variables": variables(plan, site, site.head, "openbao")}
    return {
        "spec": spec_digest(plan, site),
        "server": hashlib.sha256(json.dumps(role, sort_keys=True).encode()).hexdigest()[:16],
    }


def custody(plan: Plan, site: Site, after: Sequence[Resource], options: ResourceOptions) -> Custody:
    """What the site hands to its neighbours, and keeps of theirs."""
    inputs = {
        "environment": plan.environment.name,
        "site": site.name,
        "keepers": [k.name for k in keepers.keepers(plan, site)],
        "wards": [w.name for w in keepers.wards(plan, site)] if isinstance(site, ProvincePlan) else [],
    }
    return Custody("custody", inputs, following(options, after))


def following(options: ResourceOptions, after: Sequence[Resource]) -> ResourceOptions:
    """`options` of something that is made after others."""
    return ResourceOptions.merge(options, ResourceOptions(depends_on=list(after)))

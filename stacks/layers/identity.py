"""Keycloak where a site carries one, its realms, and beside every province's cluster that province's accounts."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource, ResourceOptions

from model import identity
from model.derive import Plan, ProvincePlan, Site
from stacks.layers import machines
from stacks.providers.realms import people_digest, spec_digest
from stacks.roles import table
from stacks.roles.identity import serves
from stacks.things import Accounts, AccountsKey, IdentityServer, Machine, Realm


def centre(plan: Plan, site: Site, on: Machine, after: Sequence[Resource]) -> list[Resource]:
    """The site's Keycloak with every realm that it serves; nothing on a site without one."""
    if not serves(plan, site):
        return []
    base = {"environment": plan.environment.name, "site": site.name}
    inside = ResourceOptions(deleted_with=on)
    role = machines.roles(plan, site, site.head, table.IDENTITY, on, after)
    server = IdentityServer("identity", base, machines.following(inside, [role]))
    own = [r.name for r in identity.realms(plan) if r.site == site]
    return [
        Realm(
            f"realm-{name}",
            {**base, "realm": name, "spec": spec_digest(plan, name)},
            machines.following(inside, [server]),
        )
        for name in own
    ]


def people(plan: Plan, province: ProvincePlan, on: Machine, secrets: Resource, after: Sequence[Resource]) -> None:
    """The province's accounts, in whichever Keycloak its realm is; nothing else of the province waits for them."""
    base = {"environment": plan.environment.name, "site": province.name}
    inside = ResourceOptions(deleted_with=on)
    key = AccountsKey("accounts-key", base, machines.following(inside, [on]))
    given = {**base, "people": people_digest(plan, province)}
    Accounts("accounts", given, machines.following(inside, [key, secrets, *after]))

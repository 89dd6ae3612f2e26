"""Keycloak on a machine: what it is told, and what the role is answerable for. Realms are `stacks/providers/realms.py`'s."""

from __future__ import annotations

from model import identity
from model.derive import MachinePlan, Plan, Site
from stacks.roles import Managed

TLS = "/etc/yrd/tls"
#: Health and figures, on the machine's own loopback.
HEALTH = 9000


def serves(plan: Plan, site: Site) -> bool:
    """Whether the site carries a Keycloak."""
    return any(realm.site == site for realm in identity.realms(plan))


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """Other realms' servers, and pages that are told of a logout, are trusted by their own sites' roots.

    A server reads them when it starts: those that come later count after its next start (docs/login.md).
    """
    told = any(page.province != site.name for page in identity.pages(plan))
    elsewhere = any(realm.site != site for realm in identity.realms(plan)) or told
    return {
        "identity_address": str(machine.address),
        "identity_port": plan.world.region.ports.identity,
        "identity_health_port": HEALTH,
        "identity_trust": [f"{TLS}/ca.pem", *(["/etc/yrd/partners"] if elsewhere else [])],
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:  # noqa: ARG001
    """Not its secrets, whose digests have no place in a state file."""
    files = (
        "/etc/keycloak/keycloak.conf",
        "/etc/keycloak/themes/yrd/login/*",
        "/etc/keycloak/themes/yrd/login/messages/*",
        "/etc/keycloak/themes/yrd/login/resources/css/*",
        "/etc/postgresql/15/main/conf.d/yrd.conf",
        "/etc/postgresql/15/main/pg_hba.conf",
        "/etc/systemd/system/keycloak.service",
        "/etc/systemd/system/postgresql@15-main.service.d/yrd.conf",
        "/usr/local/sbin/yrd-keycloak",
    )
    return Managed(files=files, units=("keycloak.service", "postgresql@15-main.service"))

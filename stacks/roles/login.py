"""Login in front of the portal and Prometheus: whom it asks, who may enter, and what lies behind it."""

from __future__ import annotations

from model import identity
from model.derive import MachinePlan, Plan, Site
from stacks.roles import Managed
from stacks.roles.hub import SOCKET, prometheus_url

#: Made on the machine, and read there by whoever tells the broker about its client; in no variable and no state.
CLIENT_SECRET = "/etc/yrd/login/client"  # noqa: S105 - a path


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:  # noqa: ARG001
    """No secret among them."""
    return {
        "login_issuer": identity.realm(plan, identity.BROKER).issuer,
        "login_client": identity.PORTAL,
        "login_roles": list(identity.ENTRANTS),
        "login_roles_claim": identity.CLAIM_ROLES,
        "login_listen": f"{machine.address}:{plan.world.region.ports.portal}",
        "login_upstreams": [f"unix://{SOCKET}", f"{prometheus_url(plan)}/"],
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:
    """What the next look compares; of the secrets only that they are there and nobody else's to read."""
    del plan, site, machine  # one hub
    files = ("/etc/yrd/login.cfg", "/etc/yrd/login/pages/error.html", "/etc/systemd/system/yrd-login.service")
    secrets = (f"{CLIENT_SECRET}@mode", "/etc/yrd/login/cookie@mode")
    return Managed(files=(*files, *secrets), units=("yrd-login.service",))

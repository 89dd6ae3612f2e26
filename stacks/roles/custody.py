"""The custody agent of a province (docs/adr/0005-custody.md): where it listens and what it may read."""

from __future__ import annotations

from model import access
from model.derive import MachinePlan, Plan, Site
from stacks.roles import Managed

APPS = ("custody",)
TLS = "/etc/yrd/tls"
#: Seconds between two snapshots: what a destroyed machine may lose.
EVERY = 60


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """Ansible variables of the role; no secret among them."""
    return {
        "custody_settings": {
            "site": site.name,
            "openbao": "https://127.0.0.1:8200",
            "ca": f"{TLS}/ca.pem",
            "credential": "/etc/yrd/credentials/custody.json",
            "key": access.CUSTODY_KEY,
            "listen": str(machine.address),
            "port": plan.world.region.ports.custody,
            "certificate": f"{TLS}/custody.crt",
            "key_file": f"{TLS}/custody.key",
            "wards": "/etc/yrd/custody",
            "recipient": "/etc/yrd/custody-recipient.pem",
            "data": "/var/lib/yrd-custody",
            "every": EVERY,
        }
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:
    """What the next look compares. Shares and roots are compared where they come from (stacks/custody.py)."""
    del plan, site, machine  # the same on every machine
    files = ("/opt/yrd/apps/custody.pyz", "/etc/yrd/custody.json", "/etc/systemd/system/yrd-custody.service")
    return Managed(files=files, units=("yrd-custody.service",))

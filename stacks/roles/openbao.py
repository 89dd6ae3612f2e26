"""OpenBao on a machine: installed and started. `stacks/secrets_custody.py` initialises and configures it."""

from __future__ import annotations

from model.derive import OPENBAO_PORT, MachinePlan, Plan, Site
from stacks.roles import Managed

#: Not the keys, whose digests have no place in a state file, and not server.crt, which the machine renews by itself.
FILES = (
    "/etc/openbao/openbao.hcl",
    "/etc/systemd/system/openbao.service",
    "/etc/systemd/system/openbao-audit.service",
    "/etc/systemd/system/openbao-audit.timer",
    "/usr/local/sbin/openbao-audit",
    "/usr/local/sbin/openbao-bootstrap",
)


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """Ansible variables of the role; no secret among them."""
    del site  # what a server is to hold is not this role's business
    seal = plan.environment.seal
    device = {"type": seal.type, "options": dict(seal.options)} if seal.type != "shamir" else {}
    return {
        "openbao_address": str(machine.address),
        "openbao_node": machine.name,
        "openbao_port": OPENBAO_PORT,
        "openbao_seal": device,
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:
    """What the next look compares."""
    del plan, site, machine  # the same on every machine that carries a server
    return Managed(files=FILES, units=("openbao.service", "openbao-audit.timer"))

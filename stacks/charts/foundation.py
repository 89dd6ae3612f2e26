"""Release `foundation`: namespaces with their default deny, and the rights of the services on the machines."""

from __future__ import annotations

from model import authority, tokens
from model.derive import Plan, ProvincePlan
from model.identity import POWERS
from stacks.charts.namespaces import NAME_LABEL, Namespace, labels, namespaces
from stacks.charts.network import API_PORT, DNS_PORT, api_addresses
from stacks.charts.types import Values

#: Certificate names of the services on the machines, as the province's PKI issues them.
SIGNER = "yrd:csr-signer"
EXPORTER = "yrd:exporter"


def values(plan: Plan, province: ProvincePlan) -> Values:
    """Addresses are those of the control planes: the only machines that pods may call, and only at the API's port."""
    return {
        "namespaces": [_namespace(plan, n) for n in namespaces(province)],
        "nameLabel": NAME_LABEL,
        "api": {"addresses": api_addresses(province), "port": API_PORT},
        # With an overlay the API server reaches a webhook on another machine from its tunnel, an address of the pods'.
        "webhookSources": [str(province.segment), *([str(province.pods)] if len(province.machines) > 1 else [])],
        "dnsPort": DNS_PORT,
        "signer": SIGNER,
        "exporter": EXPORTER,
        "powers": [_power(province, power) for power in POWERS],
    }


def _power(province: ProvincePlan, power: str) -> Values:
    """Rights of a power, bound to the group that the province's own realm puts its holder in, and to no other."""
    rules = authority.cluster_role(power)
    return {
        "name": f"yrd:{power}",
        "group": tokens.group(province.name, power),
        "rules": [{"apiGroups": [r.group], "resources": list(r.resources), "verbs": list(r.verbs)} for r in rules],
    }


def _namespace(plan: Plan, namespace: Namespace) -> Values:
    return {
        "name": namespace.name,
        "ours": namespace.ours,
        "meshed": namespace.meshed,
        "labels": labels(plan, namespace),
        "reason": namespace.reason,
        "nodeports": namespace.nodeports,
    }

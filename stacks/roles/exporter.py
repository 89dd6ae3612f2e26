"""The exporter of a province: what it watches, derived from the plan, and what the role is answerable for."""

from __future__ import annotations

from model import names
from model.derive import Flow, MachinePlan, Plan, ProvincePlan, Site
from stacks.roles import Managed, certs

APPS = ("exporter",)
TLS, PKI = "/etc/yrd/tls", "/etc/kubernetes/pki"
#: What every call between provinces needs.
MESH = (
    (names.MESH_NAMESPACE, "istiod"),
    (names.EXCHANGE_NAMESPACE, names.INGRESS_ACCOUNT),
    (names.EXCHANGE_NAMESPACE, names.EGRESS_ACCOUNT),
)


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """Raises TypeError for the hub: it is not a province, and has nothing of its own to export."""
    if not isinstance(site, ProvincePlan):
        raise TypeError(f"{site.name} is no province")
    return {
        "exporter_settings": {
            "province": site.name,
            "zh": site.title.zh,
            "en": site.title.en,
            "code": site.code,
            "trust_domain": site.trust_domain,
            "listen": str(machine.address),
            "port": plan.world.region.ports.metrics,
            "certificate": f"{TLS}/exporter.crt",
            "key": f"{TLS}/exporter.key",
            "client_ca": "/etc/yrd/hub/root.pem",
            "api": f"https://{machine.address}:6443",
            "api_ca": f"{PKI}/ca.crt",
            "api_certificate": f"{TLS}/exporter-api.crt",
            "api_key": f"{TLS}/exporter-api.key",
            "openbao": "https://127.0.0.1:8200",
            "openbao_ca": f"{TLS}/ca.pem",
            "audit": "/var/lib/yrd/audit.json",
            "exchange_namespace": names.EXCHANGE_NAMESPACE,
            "mesh_namespace": names.MESH_NAMESPACE,
            "mesh": [list(pair) for pair in MESH],
            "certificates": _certificates(),
            "agreements": [_agreement(flow) for flow in (*site.provides, *site.consumes)],
        }
    }


def _certificates() -> list[str]:
    """Those that end an operation when they end, and that the exporter's account may read."""
    kubernetes = [f"{PKI}/{file}.crt" for file in certs.PAIRS.values()]
    return sorted([*kubernetes, *(f"{TLS}/{name}.crt" for name in ("exporter", "exporter-api", "signer"))])


def _agreement(flow: Flow) -> dict[str, str]:
    """An agreement in force, as both sides watch it."""
    valid = flow.agreement.valid
    return {
        "agreement": flow.agreement.name,
        "policy": names.policy(flow.agreement.name),
        "provider": flow.provider,
        "consumer": flow.consumer,
        "dataset": flow.dataset.name,
        "since": valid.since.isoformat(),
        "until": valid.until.isoformat(),
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:
    """What the next look compares."""
    del plan, site, machine  # the same on every machine
    files = ("/opt/yrd/apps/exporter.pyz", "/etc/yrd/exporter.json", "/etc/systemd/system/yrd-exporter.service")
    return Managed(files=files, units=("yrd-exporter.service",))

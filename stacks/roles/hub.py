"""The hub's services: what they are told, and what the role is answerable for."""

from __future__ import annotations

from model.derive import MachinePlan, Plan, Site
from stacks.roles import Managed
from stacks.roles.identity import HEALTH

APPS = ("portal",)
#: Only the group of the portal may use its socket; the login (role `login`) is in it.
SOCKET = "/run/yrd-portal/portal.sock"
PROMETHEUS_PATH = "/prometheus"


def prometheus_url(plan: Plan) -> str:
    """On loopback, for the portal and the login."""
    return f"http://127.0.0.1:{plan.world.region.ports.prometheus}{PROMETHEUS_PATH}"


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:  # noqa: ARG001
    """Targets are the provinces' exporters; each is trusted by its own province's root alone."""
    ports = plan.world.region.ports
    return {
        "hub_address": str(machine.address),
        "hub_registry_port": ports.registry,
        "hub_prometheus": {
            "listen": f"127.0.0.1:{ports.prometheus}",
            "external": f"https://{machine.address}:{ports.portal}{PROMETHEUS_PATH}/",
        },
        "hub_portal": {
            "socket": SOCKET,
            "prometheus": prometheus_url(plan),
            "provinces": [{"name": p.name, "zh": p.title.zh, "en": p.title.en} for p in plan.provinces],
            "agreements": [
                {
                    "agreement": flow.agreement.name,
                    "dataset": flow.dataset.name,
                    "provider": flow.provider,
                    "consumer": flow.consumer,
                }
                for p in plan.provinces
                for flow in p.provides
            ],
        },
        "hub_identity": f"127.0.0.1:{HEALTH}",
        "hub_targets": [
            {
                "name": p.name,
                "address": f"{p.head.address}:{ports.metrics}",
                "server_name": f"exporter.{p.trust_domain}",
                "root": f"/etc/yrd/partners/{p.name}.pem",
            }
            for p in plan.provinces
        ],
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:  # noqa: ARG001
    files = (
        "/etc/docker/registry/config.yml",
        "/etc/prometheus/prometheus.yml",
        "/etc/prometheus/rules/*",
        "/etc/yrd/portal.json",
        "/opt/yrd/apps/portal.pyz",
        "/etc/systemd/system/yrd-portal.service",
        "/etc/systemd/system/yrd-partners.path",
        "/etc/systemd/system/yrd-partners.service",
        "/etc/systemd/system/docker-registry.service",
        "/etc/systemd/system/prometheus.service",
    )
    return Managed(
        files=files, units=("docker-registry.service", "prometheus.service", "yrd-portal.service", "yrd-partners.path")
    )

"""Kubernetes of a machine: what kubeadm is told, which certificates it needs, and what the role is answerable for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from model import identity, tokens
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from model.errors import YrdError
from stacks.charts.namespaces import namespaces
from stacks.charts.population import DATABASE_UID, VOLUME
from stacks.roles import Managed
from stacks.roles.certs import kubernetes_spec

NEEDS_IMAGES = True
APPS = ("kms", "signer")

#: Requests that suit two cores; the limits are the machine's.
REQUESTS = {
    "kube-apiserver": ("100m", "256Mi"),
    "kube-controller-manager": ("25m", "64Mi"),
    "kube-scheduler": ("20m", "32Mi"),
    "etcd": ("50m", "64Mi"),
}


class Image(Protocol):
    @property
    def reference(self) -> str: ...


def variables(plan: Plan, site: Site, machine: MachinePlan, images: Mapping[str, Image]) -> dict[str, object]:
    """Raises YrdError E183 for a machine that is to join: this release starts control planes only."""
    if not isinstance(site, ProvincePlan) or machine.role != "control-plane" or machine != site.head:
        raise YrdError(
            "E183",
            f"{machine.name} 需要加入已有集群，本版本尚不支持",
            f"{machine.name} would have to join a cluster, which this release cannot do yet",
            "每省保留一台 control-plane 机器",
            "keep one control-plane machine per province",
        )
    spaces = namespaces(site)
    return {
        "kubernetes_version": plan.world.region.versions.kubernetes,
        "kubernetes_cluster": site.name,
        "kubernetes_node": machine.name,
        "kubernetes_address": str(machine.address),
        "kubernetes_pods": str(site.pods),
        "kubernetes_services": str(site.services),
        "kubernetes_images": {
            name: {"image": images[name].reference, "cpu": cpu, "memory": memory}
            for name, (cpu, memory) in REQUESTS.items()
        },
        "kubernetes_system_namespaces": sorted(n.name for n in spaces if n.level == "privileged"),
        "kubernetes_restricted_namespaces": sorted(n.name for n in spaces if n.level == "restricted"),
        "kubernetes_gateway_namespaces": [n.name for n in namespaces(site) if n.nodeports],
        "kubernetes_openbao": "https://127.0.0.1:8200",
        "kubernetes_issuers": [issuer(plan, site, realm) for realm in (site.name, identity.BROKER)],
        "kubernetes_certificates": kubernetes_spec(site, machine),
        "kubernetes_volumes": [{"path": VOLUME, "uid": DATABASE_UID}] if site.datasets else [],
        "kubernetes_container": machine.ssh is None,
    }


def issuer(plan: Plan, site: ProvincePlan, name: str) -> dict[str, object]:
    """A realm as the API server believes it. Its own realm gives powers, the broker nothing but a name."""
    realm = identity.realm(plan, name)
    broker = name == identity.BROKER
    conditions = tokens.brokered(plan.world.region.members) if broker else tokens.own(site.name)
    return {
        "url": realm.issuer,
        "audience": identity.KUBERNETES,
        "trust": "/etc/yrd/tls/ca.pem" if realm.site == site else f"/etc/yrd/{realm.site.name}/root.pem",
        "conditions": [{"expression": c.expression, "message": c.message} for c in conditions],
        "username": tokens.username(name),
        "groups": tokens.groups(name),
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:  # noqa: ARG001
    """Kubeconfigs and certificates are not listed: they are renewed on the machine, and judged by their life."""
    files = (
        "/etc/kubernetes/kubeadm.yaml",
        "/etc/kubernetes/resolv.conf",
        "/etc/kubernetes/encryption/*",
        "/etc/kubernetes/authentication/*",
        "/etc/kubernetes/audit/*",
        "/etc/kubernetes/admission/*",
        "/etc/kubernetes/admission/policies/*",
        "/etc/kubernetes/patches/*",
        "/etc/kubernetes/manifests/*",
        "/var/lib/kubelet/config.yaml",
        "/etc/systemd/system/kubelet.service",
        "/etc/systemd/system/yrd-kms.service",
        "/etc/systemd/system/yrd-signer.service",
        "/etc/yrd/kms.json",
        "/etc/yrd/signer.json",
        "/etc/yrd/certs-kubernetes.json",
        "/opt/yrd/apps/kms.pyz",
        "/opt/yrd/apps/signer.pyz",
        "/usr/local/sbin/yrd-control-plane",
        "/var/lib/etcd@mode",
    )
    return Managed(files=files, units=("kubelet.service", "yrd-kms.service", "yrd-signer.service"))

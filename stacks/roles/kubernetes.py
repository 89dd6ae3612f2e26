"""Kubernetes of a machine: what kubeadm is told, which certificates it needs, and what the role is answerable for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from model import names
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from model.errors import YrdError
from stacks.charts.namespaces import namespaces
from stacks.roles import Managed

NEEDS_IMAGES = True
APPS = ("kms", "signer")

KUBERNETES, ETCD, FRONT_PROXY = "pki-kubernetes", "pki-etcd", "pki-front-proxy"
#: kubeadm's certificates: file below /etc/kubernetes/pki -> (mount, role, static pod that has to read it anew).
CERTIFICATES = {
    "apiserver": (KUBERNETES, "apiserver", "kube-apiserver"),
    "apiserver-kubelet-client": (KUBERNETES, "apiserver-kubelet-client", "kube-apiserver"),
    "apiserver-etcd-client": (ETCD, "apiserver-etcd-client", "kube-apiserver"),
    "front-proxy-client": (FRONT_PROXY, "front-proxy-client", "kube-apiserver"),
    "etcd/server": (ETCD, "etcd-server", "etcd"),
    "etcd/peer": (ETCD, "etcd-peer", "etcd"),
    "etcd/healthcheck-client": (ETCD, "etcd-healthcheck-client", ""),
}
KUBECONFIGS = {"admin.conf": "", "super-admin.conf": "", "controller-manager.conf": "kube-controller-manager", "scheduler.conf": "kube-scheduler", "kubelet.conf": ""}
#: Requests that suit two cores; the limits are the machine's.
REQUESTS = {"kube-apiserver": ("100m", "256Mi"), "kube-controller-manager": ("25m", "64Mi"), "kube-scheduler": ("20m", "32Mi"), "etcd": ("50m", "64Mi")}


class Image(Protocol):
    @property
    def reference(self) -> str: ...


def variables(plan: Plan, site: Site, machine: MachinePlan, images: Mapping[str, Image]) -> dict[str, object]:
    """Raises YrdError E183 for a machine that is to join: this release starts control planes only."""
    if not isinstance(site, ProvincePlan) or machine.role != "control-plane" or machine != site.head:
        raise YrdError("E183", f"{machine.name} 需要加入已有集群，本版本尚不支持", f"{machine.name} would have to join a cluster, which this release cannot do yet",
                       "每省保留一台 control-plane 机器", "keep one control-plane machine per province")
    spaces = namespaces(site)
    return {
        "kubernetes_version": plan.world.region.versions.kubernetes,
        "kubernetes_cluster": site.name,
        "kubernetes_node": machine.name,
        "kubernetes_address": str(machine.address),
        "kubernetes_pods": str(site.pods),
        "kubernetes_services": str(site.services),
        "kubernetes_images": {name: {"image": images[name].reference, "cpu": cpu, "memory": memory} for name, (cpu, memory) in REQUESTS.items()},
        "kubernetes_system_namespaces": sorted(n.name for n in spaces if not n.ours),
        "kubernetes_restricted_namespaces": sorted(n.name for n in spaces if n.ours),
        "kubernetes_gateway_namespace": names.EXCHANGE_NAMESPACE,
        "kubernetes_openbao": "https://127.0.0.1:8200",
        "kubernetes_certificates": certificates(),
        "kubernetes_container": machine.ssh is None,
    }


def certificates() -> list[dict[str, object]]:
    """Entries for the tool `certs`: kubeadm makes keys and requests, OpenBao signs them, one narrow role each."""
    folder = "/etc/kubernetes/pki"
    pairs: list[dict[str, object]] = [
        {"name": name, "mount": mount, "role": role, "csr": f"{folder}/{name}.csr", "key": f"{folder}/{name}.key", "cert": f"{folder}/{name}.crt",
         "owner": "root", "mode": "0600", "reload": [f"static-pod:{pod}"] if pod else []}
        for name, (mount, role, pod) in CERTIFICATES.items()
    ]
    return [*pairs, *({"name": name, "mount": KUBERNETES, "role": name, "kubeconfig": f"/etc/kubernetes/{name}", "owner": "root", "mode": "0600",
                       "reload": [f"static-pod:{pod}"] if pod else []} for name, pod in KUBECONFIGS.items())]


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:  # noqa: ARG001
    """Kubeconfigs and certificates are not listed: they are renewed on the machine, and judged by their life."""
    files = (
        "/etc/kubernetes/kubeadm.yaml", "/etc/kubernetes/resolv.conf", "/etc/kubernetes/encryption/*", "/etc/kubernetes/authentication/*", "/etc/kubernetes/audit/*",
        "/etc/kubernetes/admission/*", "/etc/kubernetes/admission/policies/*", "/etc/kubernetes/patches/*", "/etc/kubernetes/manifests/*", "/var/lib/kubelet/config.yaml",
        "/etc/systemd/system/kubelet.service", "/etc/systemd/system/yrd-kms.service", "/etc/systemd/system/yrd-signer.service", "/etc/yrd/kms.json", "/etc/yrd/signer.json",
        "/etc/yrd/certs-kubernetes.json", "/opt/yrd/apps/kms.pyz", "/opt/yrd/apps/signer.pyz", "/usr/local/sbin/yrd-control-plane",
    )
    return Managed(files=files, units=("kubelet.service", "yrd-kms.service", "yrd-signer.service"))

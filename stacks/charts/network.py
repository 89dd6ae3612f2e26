"""Releases `calico-base` and `network`: pod network, policies, services and names; kubeadm's own add-ons are off."""

from __future__ import annotations

from pathlib import Path

from model.derive import ProvincePlan
from stacks.charts.types import CONTAINER, Images, Values, pod_security, requests

API_PORT = 6443
#: CoreDNS listens above 1024, so that it needs no capability; the Service maps 53 to it.
DNS_PORT = 5353
#: Of VXLAN's 1500 bytes, 50 are header.
MTU, MTU_OVERLAY = 1500, 1450


def calico_shares(share: Path) -> dict[str, Path]:
    """Upstream's definitions and rights, delivered as they are: they belong to the version of the binaries."""
    return {"files/crds.yaml": share / "crds.yaml", "files/calico.yaml": share / "calico-vxlan.yaml"}


def api_addresses(province: ProvincePlan) -> list[str]:
    """The control planes, as network policies write them: the only machines that pods may call."""
    return [f"{m.address}/32" for m in province.machines if m.role == "control-plane"]


def values(province: ProvincePlan, images: Images) -> Values:
    """One machine routes plainly; several need VXLAN, and then Calico's own address management (D11)."""
    overlay = len(province.machines) > 1
    return {
        "api": {
            "host": str(province.head.address),
            "port": API_PORT,
            "url": province.api_url,
            "addresses": api_addresses(province),
        },
        "pods": str(province.pods),
        "overlay": overlay,
        "mtu": MTU_OVERLAY if overlay else MTU,
        "calico": {"image": images["calico"].reference, "resources": requests("50m", "64Mi", "512Mi")},
        "proxy": {"image": images["kube-proxy"].reference, "resources": requests("10m", "32Mi", "256Mi")},
        "dns": {
            "image": images["coredns"].reference,
            "address": str(province.dns),
            "port": DNS_PORT,
            "domain": "cluster.local",
            "replicas": 2 if overlay else 1,
            "resources": requests("10m", "24Mi", "170Mi"),
            "podSecurity": pod_security(65532),
            "containerSecurity": CONTAINER,
        },
    }

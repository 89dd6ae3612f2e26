"""Namespaces of a province: what each is for, and the labels that Pod Security and the mesh read."""

from __future__ import annotations

from dataclasses import dataclass

from model import names
from model.derive import Plan, ProvincePlan

SYSTEM_NAMESPACE = "kube-system"

#: Who may talk to a namespace is written by the name that Kubernetes itself puts on it.
NAME_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Namespace:
    """`ours` is made by the foundation release; `reason` says why a namespace is not `restricted`."""

    name: str
    meshed: bool
    ours: bool = True
    nodeports: int = 0
    reason: str = ""

    @property
    def level(self) -> str:
        return "privileged" if self.reason else "restricted"


def namespaces(province: ProvincePlan) -> tuple[Namespace, ...]:
    """All namespaces in which the province runs pods; `data` exists only where a dataset is served."""
    served = (Namespace(names.DATA_NAMESPACE, meshed=True),) if province.datasets else ()
    return (
        Namespace(
            SYSTEM_NAMESPACE, meshed=False, ours=False, reason="kube-proxy and Calico program the machine's network"
        ),
        Namespace(names.MESH_NAMESPACE, meshed=False, reason="istio-cni installs its plugin on the machine"),
        Namespace(names.EXCHANGE_NAMESPACE, meshed=True, nodeports=1),
        *served,
        *((Namespace(names.PUBLIC_NAMESPACE, meshed=True, nodeports=1),) if province.offers else ()),
        Namespace(names.CONSUMER_NAMESPACE, meshed=True),
    )


def labels(plan: Plan, namespace: Namespace) -> dict[str, str]:
    """Pod Security at the level of the running version, and sidecar injection where there is a mesh."""
    major, minor, _ = plan.world.region.versions.kubernetes.split(".")
    result: dict[str, str] = {}
    for mode in ("enforce", "audit", "warn"):
        result[f"pod-security.kubernetes.io/{mode}"] = namespace.level
        result[f"pod-security.kubernetes.io/{mode}-version"] = f"v{major}.{minor}"
    if namespace.meshed:
        result["istio-injection"] = "enabled"
    return result


def namespace_labels(plan: Plan, province: ProvincePlan, name: str) -> dict[str, str]:
    """Labels of one namespace by name; raises KeyError for a namespace that the province does not have."""
    return labels(plan, {n.name: n for n in namespaces(province)}[name])

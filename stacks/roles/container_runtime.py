"""containerd of a machine: where images come from, and what the role is answerable for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from model import names
from model.derive import MachinePlan, Plan, Site
from stacks.roles import Managed

NEEDS_IMAGES = True


class Image(Protocol):
    @property
    def reference(self) -> str: ...


def variables(plan: Plan, site: Site, machine: MachinePlan, images: Mapping[str, Image]) -> dict[str, object]:  # noqa: ARG001
    """The registry is the hub's; nothing else is ever asked."""
    return {
        "container_runtime_sandbox": images["pause"].reference,
        "container_runtime_registry": names.REGISTRY,
        "container_runtime_mirror": f"https://{plan.hub.head.address}:{plan.world.region.ports.registry}",
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:  # noqa: ARG001
    files = (
        "/etc/containerd/config.toml",
        f"/etc/containerd/certs.d/{names.REGISTRY}/*",
        "/etc/systemd/system/containerd.service",
    )
    return Managed(files=files, units=("containerd.service",))

"""What the chart modules share: the shape of a release, of an image, and security contexts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Values = dict[str, Any]

#: Our own charts, beside `stacks/`.
CHARTS = Path(__file__).resolve().parents[2] / "charts"


class Image(Protocol):
    """An image as charts need it: `registry.yrd/<name>@sha256:...`."""

    @property
    def reference(self) -> str: ...


Images = Mapping[str, Image]


@dataclass(frozen=True)
class Release:
    """One Helm release. `labels` is what its namespace has to carry, so that Pod Security is in place before pods are.

    `after` names releases that must be done before; releases that do not name each other may run at once.
    `shares` are upstream files that are copied into the chart before use (see `assemble`), name inside to source.
    """

    name: str
    namespace: str
    chart: Path
    values: Values
    labels: Mapping[str, str]
    wait: bool = False
    after: tuple[str, ...] = ()
    shares: Mapping[str, Path] = field(default_factory=dict)


#: Pod Security `restricted` asks for every one of these.
CONTAINER: Values = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod_security(uid: int, *, group_writes: bool = False) -> Values:
    """Security context of a pod that runs as `uid`; `group_writes` lets it write to a volume of its own."""
    context: Values = {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if group_writes:
        context |= {"fsGroup": uid, "fsGroupChangePolicy": "OnRootMismatch"}
    return context


def requests(cpu: str, memory: str, limit: str) -> Values:
    """Requests for processor and memory, and a memory limit; the processor is shared, not capped."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}

"""The live state of an environment: one look at every machine, cluster and OpenBao. Nothing unknown is called ready."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from clients import cluster, keycloak, memory, openbao, podman, shell, ssh, state
from model import names
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from model.errors import YrdError
from stacks.providers.secrets import ca_file
from stacks.roles.identity import serves as carries

#: Deployments without which no call between provinces is possible.
MESH = (
    (names.MESH_NAMESPACE, "istiod"),
    (names.EXCHANGE_NAMESPACE, names.INGRESS_ACCOUNT),
    (names.EXCHANGE_NAMESPACE, names.EGRESS_ACCOUNT),
)

Secrets = Literal["ready", "sealed", "down"]


@dataclass(frozen=True)
class MachineState:
    """`memory` is the working set in bytes, None where the machine is not running or not ours to read."""

    name: str
    running: bool
    address: str
    memory: int | None


@dataclass(frozen=True)
class SiteState:
    """What one site looks like now; `waiting` names the workloads that are not complete."""

    name: str
    machines: tuple[MachineState, ...]
    secrets: Secrets
    nodes_ready: int = 0
    nodes_total: int = 0
    mesh: Literal["ready", "down"] = "down"
    waiting: tuple[str, ...] = ()
    fault: str = ""
    cluster: bool = True

    @property
    def ready(self) -> bool:
        beneath = all(m.running for m in self.machines) and self.secrets == "ready"
        if not self.cluster:
            return beneath and not self.waiting
        whole = 0 < self.nodes_total == self.nodes_ready == len(self.machines)
        return beneath and whole and self.mesh == "ready" and not self.waiting and not self.fault

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "machines": [vars(m) for m in self.machines],
            "nodes_ready": self.nodes_ready,
            "nodes_total": self.nodes_total,
            "secrets": self.secrets,
            "mesh": self.mesh,
            "waiting": list(self.waiting),
            "ready": self.ready,
        }


@dataclass(frozen=True)
class Status:
    """A whole environment."""

    environment: str
    hub: SiteState
    provinces: tuple[SiteState, ...]

    @property
    def ready(self) -> bool:
        return self.hub.ready and bool(self.provinces) and all(p.ready for p in self.provinces)

    @property
    def memory(self) -> int:
        """Bytes, summed over every machine that could be read."""
        return sum(m.memory or 0 for s in (self.hub, *self.provinces) for m in s.machines)

    def as_json(self) -> dict[str, Any]:
        hub = {k: v for k, v in self.hub.as_json().items() if k in {"name", "machines", "secrets", "ready"}}
        return {
            "environment": self.environment,
            "ready": self.ready,
            "memory_bytes": self.memory,
            "hub": hub,
            "provinces": [p.as_json() for p in self.provinces],
        }


def look(plan: Plan, sites: tuple[str, ...] = (), since: Mapping[str, datetime] | None = None) -> Status:
    """Look at the chosen provinces (all when none is named) and the hub, all at once.

    `since` tells by site when its machines were switched on: what the API server remembers from before does not count
    there, every container must have been started after it.
    """
    chosen = [p for p in plan.provinces if not sites or p.name in sites]
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda site: _site(plan, site, (since or {}).get(site.name)), [plan.hub, *chosen]))
    return Status(plan.environment.name, states[0], tuple(states[1:]))


def _site(plan: Plan, site: Site, since: datetime | None) -> SiteState:
    machines = tuple(_machine(plan, site, m) for m in site.machines)
    if not all(m.running for m in machines):
        return SiteState(site.name, machines, "down", cluster=isinstance(site, ProvincePlan))
    secrets = _secrets(plan, site)
    if not isinstance(site, ProvincePlan):
        return SiteState(site.name, machines, secrets, waiting=_identity(plan, site), cluster=False)
    try:
        api = cluster.connect(plan, site)
        nodes = api.all("v1", "Node")
        workloads = [w for kind in ("Deployment", "DaemonSet", "StatefulSet") for w in api.all("apps/v1", kind)]
        stale = [name(p) for p in api.all("v1", "Pod") if not renewed(p, since)] if since else []
    except (YrdError, OSError) as fault:
        return SiteState(site.name, machines, secrets, fault=str(fault).splitlines()[0])
    waiting = tuple(sorted({*stale, *(name(w) for w in workloads if not complete(w)), *_identity(plan, site)}))
    mesh = [w for w in workloads if (w["metadata"]["namespace"], w["metadata"]["name"]) in MESH]
    whole = len(mesh) == len(MESH) and all(complete(w) for w in mesh)
    return SiteState(
        site.name, machines, secrets, sum(map(node_ready, nodes)), len(nodes), "ready" if whole else "down", waiting
    )


def _machine(plan: Plan, site: Site, machine: MachinePlan) -> MachineState:
    if machine.ssh is None:
        running = podman.status(machine.full) == "running"
        held = memory.working_set(machine.full) if running else None
        return MachineState(machine.name, running, str(machine.address), held)
    try:
        ssh.connect(plan.environment.name, site, machine).run("true", timeout=15)
    except (YrdError, OSError):
        return MachineState(machine.name, False, machine.ssh.address, None)
    return MachineState(machine.name, True, machine.ssh.address, None)


def _secrets(plan: Plan, site: Site) -> Secrets:
    try:
        state = openbao.once(site.openbao_url, ca_file(plan, site))
    except (YrdError, OSError, shell.CommandError):
        return "down"
    return "ready" if state.serves else "sealed"


def _identity(plan: Plan, site: Site) -> tuple[str, ...]:
    """What is not there of a site's identity centre; nothing on a site without one."""
    url = f"https://{site.head.address}:{plan.world.region.ports.identity}"
    there = not carries(plan, site) or keycloak.serves(url, state.root_certificate(plan.environment.name, site.name))
    return () if there else ("keycloak",)


def node_ready(node: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))


def complete(workload: dict[str, Any]) -> bool:
    """Whether every pod of a workload runs the version that was asked for."""
    status, meta = workload.get("status") or {}, workload["metadata"]
    if status.get("observedGeneration") != meta.get("generation"):
        return False
    if workload["kind"] == "DaemonSet":
        wanted, have = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        return bool(wanted == have == status.get("updatedNumberScheduled", 0))
    wanted = workload["spec"].get("replicas", 1)
    return bool(wanted == status.get("readyReplicas", 0) == status.get("updatedReplicas", 0))


def renewed(pod: dict[str, Any], since: datetime) -> bool:
    """Whether every container of a pod that is meant to run was started after `since` and is ready."""
    if pod["status"].get("phase") in {"Succeeded", "Failed"}:
        return True
    containers = pod["status"].get("containerStatuses") or ()
    starts = [c.get("state", {}).get("running", {}).get("startedAt") for c in containers]
    # The API server's times are whole seconds, rounded down.
    limit = since.replace(microsecond=0)
    return (
        bool(starts)
        and all(s and datetime.fromisoformat(s) >= limit for s in starts)
        and all(c["ready"] for c in containers)
    )


def name(workload: dict[str, Any]) -> str:
    return f"{workload['metadata']['namespace']}/{workload['metadata']['name']}"

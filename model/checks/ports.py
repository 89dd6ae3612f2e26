"""E124: a port serves one thing on a host, needs no privilege, and lies where its software can open it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, pairs, repeats
from model.faults import Fault
from model.types import Ports

#: Ports of the software below ours (docs/architecture.md), by the place that it runs at.
OPENBAO = {8200: "OpenBao", 8201: "OpenBao cluster"}
MACHINE = {22: "SSH", **OPENBAO}
CLUSTER = {
    2379: "etcd",
    2380: "etcd peers",
    2381: "etcd metrics",
    6443: "kube-apiserver",
    10248: "kubelet health",
    10249: "kube-proxy metrics",
    10250: "kubelet",
    10256: "kube-proxy health",
    10257: "kube-controller-manager",
    10259: "kube-scheduler",
}
HUB = ("registry", "prometheus", "portal", "identity")
PROVINCE = ("exchange", "metrics", "custody", "identity", "public")
#: Range of NodePorts (kube-apiserver's `service-node-port-range`).
NODE_PORTS = range(30000, 32768)
UNPRIVILEGED = 1024
#: `yrd open` counts upwards from `loopback`; this many belong to each environment.
LOOPBACK_PORTS = 100


def shared(draft: Draft) -> Iterator[Fault]:
    """Ports of the region: on the hub, and on every province's machines."""
    if not draft.region:
        return
    document, ports = draft.region.document, draft.region.item.ports
    yield from _on_host(document, ports, HUB, MACHINE)
    yield from _on_host(document, ports, PROVINCE, MACHINE | CLUSTER)
    for name in (*HUB, *PROVINCE):
        if getattr(ports, name) < UNPRIVILEGED:
            yield _privileged(document, ("ports", name))
    gateways = {"exchange": ("交换网关", "the exchange gateway"), "public": ("公众网关", "the public gateway")}
    span = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
    for name, (zh, en) in gateways.items():
        if getattr(ports, name) not in NODE_PORTS:
            yield document.fault(
                "E124",
                ("ports", name),
                Words(f"{zh}是 NodePort，须在 {span} 内", f"{en} is a NodePort: {span}"),
                Words(f"选 {span} 内的端口", f"choose a port of {span}"),
            )


def _on_host(document: Document, ports: Ports, ours: tuple[str, ...], taken: Mapping[int, str]) -> Iterator[Fault]:
    named = [(name, int(getattr(ports, name))) for name in ours]
    for name, port in named:
        if port in taken:
            yield _used(document, ("ports", name), port, taken[port])
    for first, later, port_text in repeats((name, str(port)) for name, port in named):
        yield _used(document, ("ports", later), int(port_text), first)


def _used(document: Document, loc: Loc, port: int, by: str) -> Fault:
    return document.fault(
        "E124",
        loc,
        Words(f"同一主机上 {port} 已被 {by} 使用", f"{port} is used by {by} on the same host"),
        Words("换一个未使用的端口", "choose a port that is free"),
    )


def _privileged(document: Document, loc: Loc) -> Fault:
    return document.fault(
        "E124",
        loc,
        Words("小于 1024 的端口需要特权", "ports below 1024 need a privilege"),
        Words("用 1024 以上的端口", "use 1024 or above"),
    )


def loopback(draft: Draft) -> Iterator[Fault]:
    """Environments on one machine share 127.0.0.1; each has a block of ports there."""
    for entry in draft.environments:
        first = entry.item.loopback
        if first < UNPRIVILEGED:
            yield _privileged(entry.document, ("loopback",))
        if first + LOOPBACK_PORTS - 1 > 65535:
            yield entry.document.fault(
                "E124",
                ("loopback",),
                Words(f"需要连续 {LOOPBACK_PORTS} 个端口，超出 65535", f"needs {LOOPBACK_PORTS} ports; beyond 65535"),
                Words(f"不大于 {65536 - LOOPBACK_PORTS}", f"write {65536 - LOOPBACK_PORTS} or less"),
            )
    for one, other in pairs(draft.environments):
        if abs(one.item.loopback - other.item.loopback) < LOOPBACK_PORTS:
            yield other.document.fault(
                "E124",
                ("loopback",),
                Words(
                    f"与环境 {one.item.name}（{one.item.loopback} 起的 {LOOPBACK_PORTS} 个端口）重叠",
                    f"overlaps the {LOOPBACK_PORTS} ports of environment {one.item.name} from {one.item.loopback}",
                ),
                Words(f"与其他环境相隔至少 {LOOPBACK_PORTS}", f"stay {LOOPBACK_PORTS} apart from every other"),
            )

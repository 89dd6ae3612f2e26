"""Clusters: versions that work together, etcd that tolerates something, machines in fitting roles."""

from __future__ import annotations

from collections.abc import Iterator

from model.codes import Words
from model.draft import Draft
from model.faults import Fault
from model.read import Entry
from model.types import Province

#: Minor versions that the roles are written for: they use files of static admission, which older ones ignore.
SUPPORTED = ("1.37",)
#: A kubelet may be this many minors older than the API server (Kubernetes' version skew policy), never newer.
SKEW = 3
ETCD_SIZES = (1, 3, 5)


def versions(draft: Draft) -> Iterator[Fault]:
    """E125."""
    if not draft.region:
        return
    document, declared = draft.region.document, draft.region.item.versions
    server, kubelet = declared.kubernetes, declared.kubelet or declared.kubernetes
    if _minor(server) not in SUPPORTED:
        listed = ", ".join(SUPPORTED)
        yield document.fault(
            "E125",
            ("versions", "kubernetes"),
            Words(f"支持的版本：{listed}", f"supported: {listed}"),
            Words(f"写 {SUPPORTED[-1]} 的某个版本", f"write a release of {SUPPORTED[-1]}"),
        )
    (major, minor), (kubelet_major, kubelet_minor) = _numbers(server), _numbers(kubelet)
    newer = (kubelet_major, kubelet_minor) > (major, minor)
    if newer or kubelet_major != major or minor - kubelet_minor > SKEW:
        side = Words("新于", "newer than") if newer else Words("过旧于", "too old for")
        yield document.fault(
            "E125",
            ("versions", "kubelet"),
            Words(f"kubelet {kubelet} {side.zh} apiserver {server}", f"kubelet {kubelet} {side.en} apiserver {server}"),
            Words(f"次版本不新于 {server}，最多旧 {SKEW} 个", f"same minor as {server}, or up to {SKEW} older"),
        )


def _numbers(version: str) -> tuple[int, int]:
    """Major and minor; the skew policy does not look at patches."""
    major, minor, _ = map(int, version.split("."))
    return major, minor


def _minor(version: str) -> str:
    return version.rpartition(".")[0]


def etcd(draft: Draft) -> Iterator[Fault]:
    """E126: odd, and one member on each control plane."""
    for entry in draft.provinces:
        members = entry.item.etcd_members
        planes = sum(machine.role == "control-plane" for machine in entry.item.machines)
        if members not in ETCD_SIZES:
            yield _size(entry, members)
        elif planes != members:
            yield entry.document.fault(
                "E126",
                ("etcd_members",),
                Words(
                    f"etcd_members 为 {members}，控制面机器却有 {planes} 台",
                    f"etcd_members is {members}, machines with a control plane are {planes}",
                ),
                Words("两者须相等：每台控制面一个成员", "make them equal: one member on each control plane"),
                value=members,
            )


def _size(entry: Entry[Province], members: int) -> Fault:
    none = Words("没有成员就没有数据", "no member keeps no data")
    even = Words(f"{members} 个成员不比 {members - 1} 个更能容错", f"{members} adds no tolerance to {members - 1}")
    large = Words("更多成员只会变慢", "more members only make it slower")
    why = none if members < 1 else even if members % 2 == 0 else large
    return entry.document.fault(
        "E126",
        ("etcd_members",),
        why,
        Words("单机写 1，否则 3 或 5", "1 for a single machine, else 3 or 5"),
        value=members,
    )


def roles(draft: Draft) -> Iterator[Fault]:
    """E127: the first machine of a province carries OpenBao and the first control plane; the hub's role is its own."""
    if draft.region and draft.region.item.hub.machine.role != "hub":
        yield draft.region.document.fault(
            "E127",
            ("hub", "machine", "role"),
            Words("枢纽没有集群（D13）", "the hub has no cluster (D13)"),
            Words("写 role: hub", "write `role: hub`"),
            value=draft.region.item.hub.machine.role,
        )
    for entry in draft.provinces:
        for index, machine in enumerate(entry.item.machines):
            if machine.role == "hub":
                why = Words("省内机器不能是枢纽（D13）", "the hub belongs to no province (D13)")
            elif index == 0 and machine.role != "control-plane":
                why = Words("第一台机器承载首个控制面", "the first machine carries the first control plane")
            else:
                continue
            fix = Words("写 role: control-plane", "write `role: control-plane`")
            yield entry.document.fault("E127", ("machines", index, "role"), why, fix)

"""Ranges and addresses: private, large enough, and nobody's twice."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import NamedTuple

from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, pairs, repeats
from model.faults import Fault

PRIVATE = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
#: Prefix that Kubernetes gives to each machine for its pods (`node-cidr-mask-size`).
POD_PREFIX = 24
#: Limits of kube-apiserver for the range of services, and the least that leaves room beside CoreDNS's tenth address.
SERVICES_LARGEST, SERVICES_SMALLEST = 12, 24
ENVIRONMENT_PREFIX = 16


class Range(NamedTuple):
    """One declared range: where it is written and what people call it."""

    document: Document
    loc: Loc
    network: IPv4Network
    label: str


def ranges(draft: Draft) -> Iterator[Range]:
    for province in draft.provinces:
        addresses, name = province.item.addresses, province.item.name
        yield Range(province.document, ("addresses", "pods"), addresses.pods, f"{name} pods")
        yield Range(province.document, ("addresses", "services"), addresses.services, f"{name} services")
    for environment in draft.environments:
        yield Range(environment.document, ("network",), environment.item.network, f"{environment.item.name} network")


def overlaps(draft: Draft) -> Iterator[Fault]:
    """E120 for ranges; every pair, because a router decides for one of them and says nothing."""
    for first, later in pairs(ranges(draft)):
        if first.network.overlaps(later.network):
            yield later.document.fault(
                "E120",
                later.loc,
                Words(
                    f"{later.network}（{later.label}）与 {first.network}（{first.label}）重叠",
                    f"{later.network} ({later.label}) overlaps {first.network} ({first.label})",
                ),
                Words("换一个互不重叠的网段", "choose a range that overlaps none"),
            )


def segments(draft: Draft) -> Iterator[Fault]:
    """E120: a segment's number is its /24, so equal numbers are equal ranges."""
    numbered: list[tuple[tuple[Document, Loc, str], str]] = []
    if draft.region:
        hub = draft.region
        numbered.append(((hub.document, ("hub", "segment"), "hub"), str(hub.item.hub.segment)))
    for entry in draft.provinces:
        place = (entry.document, ("addresses", "segment"), entry.item.name)
        numbered.append((place, str(entry.item.addresses.segment)))
    for (_, _, owner), (document, loc, name), number in repeats(numbered):
        yield document.fault(
            "E120",
            loc,
            Words(f"网段 {number} 已属于 {owner}", f"segment {number} of {name} is {owner}'s already"),
            Words("换一个未使用的编号", "choose a number that is free"),
        )


def hosts(draft: Draft) -> Iterator[Fault]:
    """E121: two machines of a province with one address."""
    for entry in draft.provinces:
        places = ((index, str(machine.host)) for index, machine in enumerate(entry.item.machines))
        for first, later, host in repeats(places):
            other = entry.item.machines[first].name
            yield entry.document.fault(
                "E121",
                ("machines", later, "host"),
                Words(f"地址尾数 {host} 已属于 {other}", f"host {host} is {other}'s already"),
                Words("换一个未使用的尾数", "choose a host that is free in the segment"),
            )


def private(draft: Draft) -> Iterator[Fault]:
    """E123: RFC 1918 only; a public range would shadow somebody's real servers."""
    for item in ranges(draft):
        if not any(item.network.subnet_of(allowed) for allowed in PRIVATE):
            listed = ", ".join(map(str, PRIVATE))
            yield item.document.fault(
                "E123",
                item.loc,
                Words(f"{item.network} 不在 RFC 1918 私有地址内", f"{item.network} is not private (RFC 1918)"),
                Words(f"从 {listed} 中选取", f"choose from {listed}"),
            )


def sizes(draft: Draft) -> Iterator[Fault]:
    """E122: large enough for what is declared, and not larger than what software accepts."""
    for province in draft.provinces:
        yield from _pods(province.document, province.item.addresses.pods, len(province.item.machines))
        prefix = province.item.addresses.services.prefixlen
        if not SERVICES_LARGEST <= prefix <= SERVICES_SMALLEST:
            yield _prefix(
                province.document, ("addresses", "services"), prefix, f"/{SERVICES_LARGEST} - /{SERVICES_SMALLEST}"
            )
    for environment in draft.environments:
        prefix = environment.item.network.prefixlen
        if prefix != ENVIRONMENT_PREFIX:
            yield _prefix(environment.document, ("network",), prefix, f"/{ENVIRONMENT_PREFIX}")


def _pods(document: Document, network: IPv4Network, machines: int) -> Iterator[Fault]:
    needed = machines * 2 ** (32 - POD_PREFIX)
    if network.num_addresses < needed:
        usable = max(network.num_addresses - 2, 0)
        yield document.fault(
            "E122",
            ("addresses", "pods"),
            Words(
                f"{machines} 台机器各占 /{POD_PREFIX}，需 {needed} 个 Pod 地址，/{network.prefixlen} 仅 {usable} 个",
                f"needs {needed} pod addresses, a /{POD_PREFIX} for each of {machines} machines; "
                f"/{network.prefixlen} has {usable}",
            ),
            Words("用更大的网段", "use a larger range"),
        )


def _prefix(document: Document, loc: Loc, given: int, wanted: str) -> Fault:
    return document.fault(
        "E122",
        loc,
        Words(f"须为 {wanted}，现为 /{given}", f"must be {wanted}, is /{given}"),
        Words(f"改为 {wanted} 的网段", f"write a range of {wanted}"),
    )

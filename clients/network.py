"""Network namespaces of an environment on this host: a router namespace with one bridge per segment, one namespace per machine.

Look is `ip -json`, do is `ip -batch`; nothing outside names that start with the environment's prefix is touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clients import shell
from model import identity, names
from model.derive import OPENBAO_PORT, MachinePlan, Plan, Site

NETNS = Path("/run/netns")
#: Of a site's segment, the address that a guest has; machines count from below.
GUEST = 250


def _ip(namespace: str | None, lines: list[str]) -> None:
    where = ["-n", namespace] if namespace else []
    shell.run(["ip", *where, "-batch", "-"], stdin="\n".join(lines) + "\n")


def _json(*words: str) -> list[dict[str, Any]]:
    done = shell.run(["ip", "-json", *words], check=False)
    return list(json.loads(done.stdout)) if done.returncode == 0 and done.stdout.strip() else []


def links(namespace: str | None) -> set[str]:
    where = ["-n", namespace] if namespace else []
    return {str(link["ifname"]) for link in _json(*where, "link") if "ifname" in link}


def addresses(namespace: str | None) -> set[str]:
    where = ["-n", namespace] if namespace else []
    return {f"{a['local']}/{a['prefixlen']}" for link in _json(*where, "addr") for a in link.get("addr_info", ())}


def namespaces(prefix: str) -> set[str]:
    """Namespaces that belong to an environment: its prefix and a dash, so that `yrd-test` never means `yrd-test2`."""
    return {n for n in (p.name for p in NETNS.glob("*")) if n.startswith(f"{prefix}-")}


def ensure_backbone(plan: Plan) -> None:
    """Router namespace, the host's link and route, one bridge per segment, the filter between segments."""
    space, device = plan.backbone, names.prefix(plan.environment.name)
    if space not in namespaces(device):
        shell.run(["ip", "netns", "add", space])
    if device not in links(None):
        shell.run(["ip", "link", "add", device, "type", "veth", "peer", "name", "host", "netns", space])
    _ip(
        None,
        [
            f"addr replace {plan.host_address}/24 dev {device}",
            f"link set {device} up",
            f"route replace {plan.environment.network} via {plan.backbone_address} dev {device}",
        ],
    )
    present = links(space)
    lines = ["link set lo up", f"addr replace {plan.backbone_address}/24 dev host", "link set host up"]
    for site in plan.sites:
        bridge = names.bridge(site.segment.network_address.packed[2])
        lines += [f"link add {bridge} type bridge"] if bridge not in present else []
        lines += [f"addr replace {site.router}/24 dev {bridge}", f"link set {bridge} up"]
    _ip(space, lines)
    shell.run(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.ip_forward=1"])
    shell.run(["ip", "netns", "exec", space, "nft", "-f", "-"], stdin=filter_rules(plan))


def filter_rules(plan: Plan) -> str:
    """What may cross between segments: the host to everyone, partners' gateways, the hub's registry and scrapes. All else is dropped."""
    ports = plan.world.region.ports
    hub = plan.hub.head.address
    heads = ", ".join(str(m.address) for p in plan.provinces for m in p.machines)
    keepers = ", ".join(str(p.head.address) for p in plan.provinces)
    segments = ", ".join(str(p.segment) for p in plan.provinces)
    centre = ", ".join(sorted({str(r.site.head.address) for r in identity.realms(plan)}))
    doors = ", ".join(str(m.address) for p in plan.provinces if p.offers for m in p.machines)
    public = f'ip saddr {hub} ip daddr {{ {doors} }} tcp dport {ports.public} accept comment "logouts"' if doors else ""
    return f"""table inet yrd
delete table inet yrd
table inet yrd {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "host" accept
    ip saddr {{ {segments} }} ip daddr {{ {heads} }} tcp dport {ports.exchange} accept comment "province to province: gateways only"
    ip saddr {{ {segments} }} ip daddr {hub} tcp dport {ports.registry} accept comment "nodes pull images"
    ip saddr {{ {keepers} }} ip daddr {{ {keepers}, {hub} }} tcp dport {{ {OPENBAO_PORT}, {ports.custody} }} accept comment "neighbours keep shares and snapshots"
    ip saddr {{ {segments}, {hub} }} ip daddr {{ {centre} }} tcp dport {ports.identity} accept comment "tokens and keys"
    {public}
    ip saddr {hub} ip daddr {{ {heads} }} tcp dport {ports.metrics} accept comment "the hub scrapes"
    counter comment "refused"
  }}
}}
"""


def backbone_ready(plan: Plan) -> bool:
    space = plan.backbone
    wanted = {names.bridge(s.segment.network_address.packed[2]) for s in plan.sites} | {"host"}
    return (
        space in namespaces(names.prefix(plan.environment.name))
        and wanted <= links(space)
        and f"{plan.host_address}/24" in addresses(None)
    )


def _port(machine: MachinePlan) -> str:
    octets = machine.address.packed
    return f"m{octets[2]}-{octets[3]}"


def machine_ready(plan: Plan, machine: MachinePlan) -> bool:
    return f"{machine.address}/24" in addresses(machine.full) and _port(machine) in links(plan.backbone)


def ensure_machine(plan: Plan, site: Site, machine: MachinePlan) -> None:
    """A namespace with `eth0` on the site's bridge and a default route to its router."""
    if machine_ready(plan, machine):
        return
    space = machine.full
    if space in namespaces(names.prefix(plan.environment.name)):
        shell.run(["ip", "netns", "delete", space])
    port = _port(machine)
    if port in links(plan.backbone):
        shell.run(["ip", "-n", plan.backbone, "link", "delete", port])
    shell.run(["ip", "netns", "add", space])
    shell.run(["ip", "-n", plan.backbone, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space])
    _ip(
        plan.backbone,
        [f"link set {port} master {names.bridge(site.segment.network_address.packed[2])}", f"link set {port} up"],
    )
    _ip(
        space,
        [
            "link set lo up",
            f"addr add {machine.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {site.router}",
        ],
    )
    shell.run(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.ip_forward=1"])


@contextmanager
def guest(plan: Plan, site: Site) -> Iterator[str]:
    """A namespace of our own on a site's segment, to ask from as a partner's gateway does: a machine's firewall lets none of
    its own processes out to a partner, only its gateway's pods. Empty, for this host itself, where machines are real.

    What a killed run left is replaced; `remove` takes it away with the environment.
    """
    if plan.backbone not in namespaces(names.prefix(plan.environment.name)):
        yield ""
        return
    octet = site.segment.network_address.packed[2]
    space, port = f"{names.prefix(plan.environment.name)}-guest-{site.name}", f"g{octet}"
    _dismiss(plan.backbone, space, port)
    shell.run(["ip", "netns", "add", space])
    shell.run(["ip", "-n", plan.backbone, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space])
    _ip(plan.backbone, [f"link set {port} master {names.bridge(octet)}", f"link set {port} up"])
    address = f"addr add {site.segment[GUEST]}/24 dev eth0"
    _ip(space, ["link set lo up", address, "link set eth0 up", f"route add default via {site.router}"])
    try:
        yield space
    finally:
        _dismiss(plan.backbone, space, port)


def _dismiss(backbone: str, space: str, port: str) -> None:
    shell.run(["ip", "netns", "delete", space], check=False)
    # Its end goes with the namespace, and may still be there for a moment.
    shell.run(["ip", "-n", backbone, "link", "delete", port], check=False)


def remove(prefix: str) -> list[str]:
    """Take away every namespace and the host's link (with it its route) of one environment; returns what was there."""
    gone = sorted(namespaces(prefix))
    for space in gone:
        shell.run(["ip", "netns", "delete", space], check=False)
    if prefix in links(None):
        # Its other end may still be going with its namespace, and takes this end along at any moment.
        shell.run(["ip", "link", "delete", prefix], check=False)
        gone.append(prefix)
    return gone

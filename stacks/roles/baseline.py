"""Baseline of a machine: what may talk to it, derived from the plan, and what the role is answerable for.

Everything that no row here accepts is dropped, counted and logged (RB-01, RB-02, CN-02). The table `inet yrd` is the
role's own; kube-proxy's and Calico's tables are never touched, and a packet passes only when every table lets it pass.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import ip_network

from model import custody, identity
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from stacks.roles import Managed

TABLE = "inet yrd"
ANYWHERE = "0.0.0.0/0"
SSH, API_SERVER, KUBELET, OPENBAO, TIME = 22, 6443, 10250, 8200, 123
#: Between the machines of one site: OpenBao's raft, etcd's clients and peers.
CLUSTER_PORTS = (8201, 2379, 2380)
#: What pods may ask the machines of their own province.
FROM_PODS = (API_SERVER, KUBELET)
#: kube-proxy answers health checks of load balancers here, on every address; the firewall lets nobody in.
PROXY_HEALTH = 10256
VXLAN = 4789
#: Calico names a pod's host side so; the second exists only where pods of several machines meet.
POD_INTERFACE, OVERLAY_INTERFACE = "cali*", "vxlan.calico"

#: Of the machine's own network namespace only; the kernel's other settings belong to the host (CE-41, D16).
#: Forwarding stays on because a node routes for its pods; the reverse path is checked loosely for the same reason.
SYSCTLS: dict[str, int] = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.rp_filter": 2,
    "net.ipv4.conf.default.rp_filter": 2,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.default.accept_redirects": 0,
    "net.ipv4.conf.all.secure_redirects": 0,
    "net.ipv4.conf.default.secure_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.accept_source_route": 0,
    "net.ipv4.conf.default.accept_source_route": 0,
    "net.ipv4.conf.all.log_martians": 1,
    "net.ipv4.conf.default.log_martians": 1,
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
    "net.ipv4.icmp_ignore_bogus_error_responses": 1,
    "net.ipv4.tcp_syncookies": 1,
    "net.ipv6.conf.all.accept_ra": 0,
    "net.ipv6.conf.default.accept_ra": 0,
    "net.ipv6.conf.all.accept_redirects": 0,
    "net.ipv6.conf.default.accept_redirects": 0,
    "net.ipv6.conf.all.accept_source_route": 0,
    "net.ipv6.conf.default.accept_source_route": 0,
    "net.ipv6.conf.all.forwarding": 0,
}

#: Whole files are the role's own; `@` names the one aspect that is, where other roles or programs write the rest.
FILES = (
    "/etc/chrony/chrony.conf",
    "/dev/shm@mount",  # noqa: S108 - looked at, not written to
    "/etc/cron.d@mode",
    "/etc/cron.daily@mode",
    "/etc/default/useradd",
    "/etc/group@mode",
    "/etc/gshadow@mode",
    "/etc/issue",
    "/etc/issue.net",
    "/etc/login.defs",
    "/etc/motd",
    "/etc/pam.d/common-account",
    "/etc/pam.d/common-auth",
    "/etc/pam.d/common-password",
    "/etc/pam.d/su",
    "/etc/passwd@logins",
    "/etc/passwd@mode",
    "/etc/profile.d/*",
    "/etc/security/faillock.conf",
    "/etc/security/limits.d/*",
    "/etc/security/pwquality.conf.d/*",
    "/etc/shadow@mode",
    "/etc/ssh/*",
    "/etc/ssh/sshd_config.d/*",
    "/etc/ssh/sshd_config.d@mode",
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/etc/sudoers.d@mode",
    "/etc/sysctl.d/90-yrd.conf",
    "/etc/systemd/coredump.conf.d/*",
    "/etc/systemd/system/yrd-mounts.service",
    "/etc/systemd/system/yrd-nftables.service",
    "/etc/yrd/nftables.nft",
    "/root@mode",
    "/run/lock@mount",
    "/tmp@mount",  # noqa: S108 - looked at, not written to
    "/usr/local/sbin/yrd-guard",
)


@dataclass(frozen=True)
class Accept:
    """One row of an accept list: TCP or UDP ports, from or to networks, on an interface (empty: any)."""

    name: str
    ports: tuple[int, ...]
    networks: tuple[str, ...]
    protocol: str = "tcp"
    interface: str = ""


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """Ansible variables of the role; no secret among them."""
    return {
        "baseline_input": [asdict(row) for row in inputs(plan, site)],
        "baseline_output": [asdict(row) for row in outputs(plan, site)],
        "baseline_pods": str(site.pods) if isinstance(site, ProvincePlan) else "",
        "baseline_pod_interfaces": list(pod_interfaces(site)),
        "baseline_exchange": exchange(plan, site),
        "baseline_people": people(plan, site),
        "baseline_sysctls": SYSCTLS,
        "baseline_password_minimum_length": password_minimum(plan, site),
        "baseline_ssh_user": machine.ssh.user if machine.ssh else "root",
        "baseline_time_sources": [str(plan.hub.head.address)] if isinstance(site, ProvincePlan) else [],
        "baseline_time_clients": [] if isinstance(site, ProvincePlan) else [str(p.segment) for p in plan.provinces],
        "baseline_banner": {"zh": plan.world.region.title.zh, "en": plan.world.region.title.en},
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:
    """What the next look compares: files that no other role writes. The audit judges accounts: roles add theirs."""
    del plan, site, machine  # the same on every machine
    units = ("yrd-nftables.service", "yrd-mounts.service", "ssh.service")
    return Managed(files=FILES, units=units, sysctls=tuple(SYSCTLS), tables=(TABLE,))


def declared(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """What the audit holds against the live machine: the only ports that may listen, and from where it is managed."""
    ports = {port for row in inputs(plan, site) for port in row.ports}
    cluster = {KUBELET, API_SERVER, PROXY_HEALTH, *CLUSTER_PORTS} if machine.role != "hub" else set()
    return {
        "management": [str(plan.host_address)],
        "ports": sorted(ports | cluster | {OPENBAO, 8201}),
        "password_minimum_length": password_minimum(plan, site),
    }


def password_minimum(plan: Plan, site: Site) -> int:
    """The province's own value, which may be stricter; the region's floor on the hub."""
    floor = {s.name: s.value for s in plan.world.region.settings}
    return (site.settings if isinstance(site, ProvincePlan) else floor)["password-minimum-length"]


def inputs(plan: Plan, site: Site) -> tuple[Accept, ...]:
    """Who may open a connection to the machines of `site`."""
    host = (cidr(plan.host_address),)
    peers = addresses(site)
    keepers = tuple(cidr(k.head.address) for k in custody.keepers(plan, site))
    rows = [Accept("ssh", (SSH,), host), Accept("openbao", (OPENBAO,), (*host, *peers, *keepers))]
    if isinstance(site, ProvincePlan):
        rows += [
            Accept("api-server", (API_SERVER,), (*host, *peers)),
            *(Accept("pods", FROM_PODS, (str(site.pods),), interface=i) for i in pod_interfaces(site)),
            Accept("kubelet", (KUBELET,), peers),
            Accept("metrics", (plan.world.region.ports.metrics,), (cidr(plan.hub.head.address),)),
            Accept("custody", (plan.world.region.ports.custody,), (*host, *keepers)),
        ]
    else:
        rows += _hub_inputs(plan, host)
    if any(realm.site == site for realm in identity.realms(plan)):
        # People come from anywhere, to log in.
        rows.append(Accept("identity", (plan.world.region.ports.identity,), (ANYWHERE,)))
    return (*rows, *_between_machines(site))


def outputs(plan: Plan, site: Site) -> tuple[Accept, ...]:
    """To whom the machine itself may open a connection; to its own pods and machines it may always."""
    ports, hub = plan.world.region.ports, (cidr(plan.hub.head.address),)
    if isinstance(site, ProvincePlan):
        rows = (
            Accept("registry", (ports.registry,), hub),
            Accept("time", (TIME,), hub, "udp"),
            Accept("identity", (ports.identity,), logins(plan, site)),
        )
        wards = tuple(cidr(ward.head.address) for ward in custody.wards(plan, site))
        kept = (Accept("custody", (OPENBAO, ports.custody), wards),) if wards else ()
        return (*rows, *kept, *_between_machines(site))
    heads = tuple(cidr(p.head.address) for p in plan.provinces)
    homes, doors = logins(plan, site), tuple(cidr(p.head.address) for p in plan.provinces if p.offers)
    asked = (Accept("identity", (ports.identity,), homes),) if homes else ()
    told = (Accept("public", (ports.public,), doors),) if doors else ()
    return (Accept("metrics", (ports.metrics,), heads), *asked, *told, *_between_machines(site))


def exchange(plan: Plan, site: Site) -> dict[str, object]:
    """Forwarding between provinces: partners' segments on the exchange port, both ways. Empty on the hub."""
    if not isinstance(site, ProvincePlan):
        return {}
    partners = [str(plan.province(name).segment) for name in site.partners]
    return {
        "port": plan.world.region.ports.exchange,
        "partners": partners,
        "own": str(site.segment),
        "from_pods": list(FROM_PODS),
    }


def people(plan: Plan, site: Site) -> dict[str, object]:
    """Forwarding for people: from anywhere to the public gateway, and from pods to the identity centre. Empty on the hub."""
    if not isinstance(site, ProvincePlan):
        return {}
    ports = plan.world.region.ports
    centre = sorted({str(r.site.head.address) for r in identity.realms(plan)} - {str(m.address) for m in site.machines})
    return {"public": ports.public if site.offers else 0, "identity": ports.identity, "centre": centre}


def logins(plan: Plan, site: Site) -> tuple[str, ...]:
    """Machines elsewhere on which realms live that somebody at `site` has to ask: for keys, for tokens."""
    return tuple(sorted({cidr(r.site.head.address) for r in identity.realms(plan) if r.site != site}))


def pod_interfaces(site: Site) -> tuple[str, ...]:
    """None without a cluster; the overlay's only where pods of several machines meet (D11)."""
    if not isinstance(site, ProvincePlan):
        return ()
    return (POD_INTERFACE, OVERLAY_INTERFACE) if len(site.machines) > 1 else (POD_INTERFACE,)


def addresses(site: Site) -> tuple[str, ...]:
    """The machines of a site; its router is none of them."""
    return tuple(cidr(machine.address) for machine in site.machines)


def cidr(address: object) -> str:
    return str(ip_network(str(address)))


def _hub_inputs(plan: Plan, host: tuple[str, ...]) -> list[Accept]:
    ports, segments = plan.world.region.ports, tuple(str(p.segment) for p in plan.provinces)
    return [
        Accept("registry", (ports.registry,), (*host, *segments)),
        Accept("views", (ports.portal,), host),
        Accept("time", (TIME,), segments, "udp"),
    ]


def _between_machines(site: Site) -> tuple[Accept, ...]:
    """Both directions of what the machines of one site say to each other; nothing where there is only one."""
    if len(site.machines) == 1:
        return ()
    peers = addresses(site)
    overlay = (Accept("overlay", (VXLAN,), peers, "udp"),) if isinstance(site, ProvincePlan) else ()
    return (Accept("cluster", (API_SERVER, KUBELET, OPENBAO, *CLUSTER_PORTS), peers), *overlay)

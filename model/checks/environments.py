"""Environments: a real server for every machine (E192), its key and address, the path of the deployer's credential."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from model.base import HOST_PATTERN
from model.checks.secrets import ssh_key
from model.codes import Words
from model.draft import Draft, repeats, unknown
from model.faults import Fault
from model.read import Entry
from model.types import Environment, Kind

#: `<mount>/<segment>/...` inside OpenBao.
SECRET_PATH = re.compile(r"[a-z0-9][a-z0-9_-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
#: Bytes of an `ssh-rsa` blob with 2048 bits: type, exponent and modulus with their lengths.
RSA_2048 = 279
MACHINE, REALM = Words("机器", "machine"), Words("域", "realm")
#: As in `model.identity`, which needs a plan that there is not yet.
BROKER = "region"


def hosts(draft: Draft) -> Iterator[Fault]:
    """E192: by SSH each machine has its server; with other kinds of machines a server would be ignored."""
    machines = {machine.name for _, _, machine in draft.machines()}
    for entry in draft.environments:
        listed = entry.item.hosts
        if entry.item.machines != "ssh":
            if listed:
                yield _ignored(entry)
            continue
        for name in sorted(machines - set(listed)):
            yield _missing(entry, name)
        # A province whose file is faulty may well have that machine.
        for name in listed if draft.complete(Kind.PROVINCE, Kind.REGION) else ():
            if name not in machines:
                yield unknown(entry.document, ("hosts", name), MACHINE, name, machines, key=True)


def _missing(entry: Entry[Environment], name: str) -> Fault:
    return entry.document.fault(
        "E192",
        ("hosts",),
        Words(
            f"环境 {entry.item.name} 没有写 {name} 的服务器", f"environment {entry.item.name} has no host for {name}"
        ),
        Words(f"在 hosts 中加上 {name}: {{address, user, host_key}}", f"add `{name}: {{address, user, host_key}}`"),
        value=name,
        key=True,
    )


def _ignored(entry: Entry[Environment]) -> Fault:
    kind = entry.item.machines
    return entry.document.fault(
        "E192",
        ("hosts",),
        Words(f"machines: {kind} 不使用 hosts", f"`machines: {kind}` does not use hosts"),
        Words("删除 hosts，或写 machines: ssh", "remove `hosts`, or write `machines: ssh`"),
        key=True,
    )


def addresses(draft: Draft) -> Iterator[Fault]:
    """E121: one server for two machines; E109: digits and dots that are no address."""
    for entry in draft.environments:
        places = ((name, host.address) for name, host in entry.item.hosts.items())
        for first, later, address in repeats(places):
            yield entry.document.fault(
                "E121",
                ("hosts", later, "address"),
                Words(f"{address} 已是 {first} 的服务器", f"{address} is {first}'s server already"),
                Words("一台服务器只承载一台机器", "give each machine a server of its own"),
            )
        for name, host in entry.item.hosts.items():
            if re.fullmatch(r"[0-9.]+", host.address) and not _is_address(host.address):
                yield entry.document.fault(
                    "E109",
                    ("hosts", name, "address"),
                    Words("不是 IPv4 地址", "not an IPv4 address"),
                    Words("写四段数字的地址或主机名", "write four numbers from 0 to 255, or a host name"),
                )


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def host_keys(draft: Draft) -> Iterator[Fault]:
    """E109: the pinned key is a public key of its stated type; E163: and none that is too weak to pin."""
    for entry in draft.environments:
        for name, host in entry.item.hosts.items():
            loc, key = ("hosts", name, "host_key"), ssh_key(host.host_key)
            if key is None or key.stated != key.inside:
                yield entry.document.fault(
                    "E109",
                    loc,
                    Words("不是 SSH 主机公钥，或类型与内容不符", "not an SSH host key, or type and content differ"),
                    Words(
                        "抄录 ssh-keyscan -t ed25519 的结果并当面核对",
                        "copy `ssh-keyscan -t ed25519`, compare it at the console",
                    ),
                )
            elif key.inside == "ssh-rsa" and len(key.blob) < RSA_2048:
                yield entry.document.fault(
                    "E163",
                    loc,
                    Words("RSA 不足 2048 位", "RSA of less than 2048 bits"),
                    Words("换用 ssh-ed25519 主机密钥", "pin the server's ssh-ed25519 key"),
                )


def secret_paths(draft: Draft) -> Iterator[Fault]:
    """E172: the credential's path names a mount and stays inside it."""
    for entry in draft.environments:
        path = entry.item.secret_ref
        if path is not None and not SECRET_PATH.fullmatch(path):
            yield entry.document.fault(
                "E172",
                ("secretRef",),
                Words("须为“挂载点/路径”，不含 .. 且不以 / 开头", "must be `mount/path`, without `..` and leading `/`"),
                Words("例如 kv/production/deployer", "for example kv/production/deployer"),
            )


def realm_hosts(draft: Draft) -> Iterator[Fault]:
    """E131 for a realm that is none; E172 for more than a host name: every redirect and issuer is https on our port."""
    realms = {BROKER, *(e.item.name for e in draft.provinces)}
    for entry in draft.environments:
        for realm, host in entry.item.identity.hosts.items():
            if realm not in realms and draft.complete(Kind.PROVINCE):
                yield unknown(entry.document, ("identity", "hosts", realm), REALM, realm, realms, key=True)
            if not re.fullmatch(HOST_PATTERN, host):
                yield entry.document.fault(
                    "E172",
                    ("identity", "hosts", realm),
                    Words(
                        "只写主机名；协议总是 https，端口是 ports.identity",
                        "a host name alone; it is always https on ports.identity",
                    ),
                    Words("例如 id.anhui.example", "for example id.anhui.example"),
                )

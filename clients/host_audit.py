"""Second part of the collector: what only an audit asks. Runs on a machine, see `host_facts.py`."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clients.host_facts import entry, inside, read, read_if, run

KUBERNETES_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
#: Folders whose entries are listed, and single paths.
KUBERNETES_TREES = tuple(f"/etc/kubernetes{part}" for part in ("", "/manifests", "/pki", "/pki/etcd"))
KUBERNETES_PATHS = ("/var/lib/etcd", "/var/lib/kubelet/config.yaml")


def sshd() -> dict[str, Any]:
    """Effective settings, as sshd itself understands its files. A repeated option becomes one line."""
    found: dict[str, str] = {}
    for line in run("sshd", "-T").splitlines():
        key, _, value = line.partition(" ")
        found[key] = f"{found[key]} {value}" if key in found else value
    return found


def password_kind(field: str) -> str:
    """What a field of /etc/shadow means, never the field."""
    known = {"y": "yescrypt", "gy": "gost-yescrypt", "7": "scrypt", "6": "sha512", "5": "sha256", "1": "md5"}
    if field == "":
        return "empty"
    if field[0] in "!*":
        return "locked"
    return known.get(field.split("$")[1], "unknown") if field.startswith("$") and field.count("$") > 1 else "des"


def accounts() -> dict[str, Any]:
    shadow = {row[0]: row[1] for row in (line.split(":") for line in read("/etc/shadow").splitlines()) if len(row) > 1}
    rows = [line.split(":") for line in read("/etc/passwd").splitlines() if line.count(":") == 6]
    users = [
        {
            "name": r[0],
            "uid": int(r[2]),
            "gid": int(r[3]),
            "home": r[5],
            "shell": r[6],
            "password": "in-passwd" if r[1] != "x" else password_kind(shadow[r[0]]) if r[0] in shadow else "absent",
        }
        for r in rows
    ]
    groups = [line.split(":") for line in read("/etc/group").splitlines() if line.count(":") == 3]
    return {"users": users, "groups": [{"name": g[0], "gid": int(g[2])} for g in groups]}


def meaningful(path: str) -> list[str]:
    """Lines that mean something: no comment, no blank, inner space squeezed."""
    lines = (" ".join(line.split()) for line in read_if(path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def lines_of(*paths: str) -> list[str]:
    return [line for path in paths for line in meaningful(path)]


def sudo() -> list[str]:
    return lines_of("/etc/sudoers", *inside("/etc/sudoers.d"))


def pam() -> dict[str, list[str]]:
    stacks = {
        name: meaningful(f"/etc/pam.d/{name}") for name in ("common-auth", "common-account", "common-password", "su")
    }
    return {
        **stacks,
        "faillock": meaningful("/etc/security/faillock.conf"),
        "pwquality": lines_of("/etc/security/pwquality.conf", *inside("/etc/security/pwquality.conf.d")),
        "login.defs": meaningful("/etc/login.defs"),
        "profile": lines_of(*inside("/etc/profile.d")),
    }


def limits() -> list[str]:
    folders = ("/etc/security/limits.d", "/etc/systemd/coredump.conf.d")
    return lines_of("/etc/security/limits.conf", *(path for folder in folders for path in inside(folder)))


def modprobe() -> list[str]:
    return lines_of(*inside("/etc/modprobe.d"))


def address(text: str) -> str:
    """`0100007F` -> `127.0.0.1`: the kernel prints words of 32 bits in the machine's own byte order."""
    words = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    if len(words) == 16 and words.startswith(b"\0" * 10 + b"\xff\xff"):
        words = words[12:]
    return socket.inet_ntop(socket.AF_INET if len(words) == 4 else socket.AF_INET6, words)


def sockets() -> list[dict[str, Any]]:
    """What listens, from /proc: state 0A is LISTEN for TCP, 07 is unconnected for UDP."""
    found: set[tuple[str, str, int]] = set()
    for name, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in read_if(f"/proc/net/{name}").splitlines()[1:]:
            local, _, status = line.split()[1:4]
            if status == state:
                host, port = local.split(":")
                found.add((name[:3], address(host), int(port, 16)))
    return [{"protocol": p, "address": a, "port": n} for p, a, n in sorted(found)]


def mounts() -> list[dict[str, Any]]:
    """The machine's own, without the many of pods."""
    rows = [line.split() for line in read("/proc/self/mounts").splitlines()]
    own = [row for row in rows if "/kubelet/" not in row[1] and "containerd" not in row[1]]
    return [{"path": row[1], "type": row[2], "options": row[3].split(",")} for row in own]


def packages() -> dict[str, str]:
    lines = run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n").splitlines()
    return {row[0]: row[1] for row in (line.split() for line in lines) if len(row) == 3 and row[2] == "installed"}


def clock() -> dict[str, Any]:
    """chrony's state where it runs: stratum 0 means not synchronised."""
    running = run("systemctl", "show", "--property", "ActiveState", "--value", "chrony.service").strip() == "active"
    fields = run("chronyc", "-c", "tracking").strip().split(",") if running else []
    return {
        "running": running,
        "config": meaningful("/etc/chrony/chrony.conf"),
        "stratum": int(fields[2]) if fields else None,
        "offset_seconds": float(fields[4]) if fields else None,
    }


def processes() -> dict[str, list[str]]:
    """Arguments of Kubernetes' programs as they run now."""
    found: dict[str, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = [word for word in path.read_bytes().decode(errors="replace").split("\0") if word]
        except OSError:
            continue  # it ended while we looked
        if words and Path(words[0]).name in KUBERNETES_PROGRAMS:
            found[Path(words[0]).name] = words[1:]
    return found


def manifests() -> dict[str, list[str]]:
    pattern = re.compile(r"^\s*- (--[a-z].*)$", re.MULTILINE)
    return {Path(path).name: pattern.findall(read(path)) for path in inside("/etc/kubernetes/manifests")}


def flag(words: list[str], name: str) -> str:
    return next((word.split("=", 1)[1] for word in words if word.startswith(f"--{name}=")), "")


def encryption(path: str) -> dict[str, Any]:
    """Providers in order, nothing of their keys."""
    text = read_if(path)
    kind = re.compile(r"^\s*-\s*(kms|aescbc|aesgcm|secretbox|identity)\s*:", re.MULTILINE)
    version = re.search(r"apiVersion:\s*[\"']?v2\b", text)
    return {
        "providers": kind.findall(text),
        "kms_v2": version is not None,
        "secrets": re.search(r"\bsecrets\b", text) is not None,
    }


def admission(path: str) -> dict[str, Any]:
    """Folder of the static policies, and the names of those that are bound."""
    setting = re.search(r"staticManifestsDir:\s*[\"']?([^\s\"',}]+)", read_if(path))
    folder = setting.group(1) if setting else ""
    bound = re.compile(r"policyName:\s*[\"']?([a-z0-9.-]+)")
    return {
        "folder": folder,
        "policies": sorted({name for item in inside(folder) for name in bound.findall(read(item))}),
    }


def kubernetes() -> dict[str, Any]:
    live = processes()
    api = live.get("kube-apiserver", [])
    tree = [item.path for root in KUBERNETES_TREES if Path(root).is_dir() for item in os.scandir(root)]
    return {
        "processes": live,
        "manifests": manifests(),
        "kubelet_config": read_if("/var/lib/kubelet/config.yaml"),
        "files": {path: entry(path, digest=False) for path in sorted({*KUBERNETES_TREES, *KUBERNETES_PATHS, *tree})},
        "authentication": read_if(flag(api, "authentication-config")),
        "encryption": encryption(flag(api, "encryption-provider-config")),
        "admission": admission(flag(api, "admission-control-config-file")),
    }


#: Sections in the order in which they are printed.
SECTIONS: tuple[Callable[[], Any], ...] = (
    sshd,
    accounts,
    sudo,
    pam,
    limits,
    modprobe,
    sockets,
    mounts,
    packages,
    clock,
    kubernetes,
)

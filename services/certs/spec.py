"""What the tool is asked for: `/etc/yrd/certs*.json`, read once into frozen types.

    {"openbao": {"url", "trust": [files], "credential"}, "authorities": [{"mount", "path"}], "entries": [...]}

An entry is one of three kinds: `common_name` makes a pair whose key is made here; `csr` with `key` and `cert` signs
what `kubeadm certs generate-csr` asks for; `kubeconfig` does the same for a certificate inside a kubeconfig. A bare
list of entries stands for Kubernetes on this machine: OpenBao on loopback, `ca.crt` where kubeadm expects them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.keys import Subject
from model.errors import BadInputError

DEFAULT: dict[str, Any] = {
    "url": "https://127.0.0.1:8200",
    "trust": ["/etc/yrd/tls/ca.pem", "/etc/openbao/tls/bootstrap.crt"],
    "credential": "/etc/yrd/credentials/certs.json",
}
#: Without one of them kubeadm would silently make an authority of its own.
KUBERNETES_AUTHORITIES = (
    ("pki-kubernetes", "/etc/kubernetes/pki/ca.crt"),
    ("pki-etcd", "/etc/kubernetes/pki/etcd/ca.crt"),
    ("pki-front-proxy", "/etc/kubernetes/pki/front-proxy-ca.crt"),
)


@dataclass(frozen=True)
class Connection:
    """How OpenBao is reached. Files of `trust` that are not there yet are passed over."""

    url: str
    trust: tuple[Path, ...]
    credential: Path


@dataclass(frozen=True)
class Authority:
    """A file that holds a mount's CA certificate."""

    mount: str
    path: Path


@dataclass(frozen=True)
class Entry:
    """One certificate. `subject` is given for our own kind and comes from the request for kubeadm's."""

    name: str
    mount: str
    role: str
    cert: Path | None
    key: Path | None
    csr: Path | None
    kubeconfig: Path | None
    subject: Subject | None
    owner: str
    group: str
    mode: int
    reload: tuple[str, ...]


@dataclass(frozen=True)
class Spec:
    connection: Connection
    authorities: tuple[Authority, ...]
    entries: tuple[Entry, ...]


def load(path: Path) -> Spec:
    """Raises BadInputError (E310) that names the file and the entry."""
    try:
        held = json.loads(path.read_text())
        if isinstance(held, list):
            held = {"entries": held, "authorities": [{"mount": m, "path": p} for m, p in KUBERNETES_AUTHORITIES]}
        where = {**DEFAULT, **held.get("openbao", {})}
        return Spec(
            Connection(where["url"], tuple(map(Path, where["trust"])), Path(where["credential"])),
            tuple(Authority(a["mount"], Path(a["path"])) for a in held.get("authorities", ())),
            tuple(entry(row) for row in held["entries"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as fault:
        said = f"{type(fault).__name__}: {fault}"
        raise BadInputError("E310", f"{path} 无法读取：{said}", f"{path} is not a specification: {said}") from fault


def entry(row: Mapping[str, Any]) -> Entry:
    """Raises KeyError or ValueError."""
    kubeconfig = _path(row, "kubeconfig")
    csr = _path(row, "csr") or (kubeconfig.with_name(f"{kubeconfig.name}.csr") if kubeconfig else None)
    subject = None
    if "common_name" in row:
        names = (tuple(row.get(kind, ())) for kind in ("organizations", "dns", "ips", "uris"))
        subject = Subject(row["common_name"], *names)
    if not kubeconfig and not (row.get("key") and row.get("cert")):
        raise ValueError(f"{row['name']}: key and cert, or kubeconfig")
    if bool(csr) == bool(subject):
        raise ValueError(f"{row['name']}: either common_name, or csr or kubeconfig")
    reload = row.get("reload", ())
    return Entry(
        name=row["name"],
        mount=row["mount"],
        role=row["role"],
        cert=None if kubeconfig else _path(row, "cert"),
        key=None if kubeconfig else _path(row, "key"),
        csr=csr,
        kubeconfig=kubeconfig,
        subject=subject,
        owner=row.get("owner", ""),
        group=row.get("group", ""),
        mode=int(str(row.get("mode", "0600")), 8),
        reload=(reload,) if isinstance(reload, str) else tuple(reload),
    )


def _path(row: Mapping[str, Any], name: str) -> Path | None:
    return Path(row[name]) if row.get(name) else None

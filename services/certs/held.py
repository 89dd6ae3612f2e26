"""LOOK and DECIDE: what lies on the disk for an entry, and why it has to be issued anew. Reads only."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import yaml
from cryptography import x509

from clients import keys
from model.errors import YrdError
from services.certs.spec import Entry

#: OpenBao dates certificates back by this much (`not_before_duration`, model/pki.py).
BACKDATED = timedelta(seconds=30)


@dataclass(frozen=True)
class Held:
    """What is there. None for what is absent or cannot be read."""

    key: keys.Key | None
    certificate: x509.Certificate | None
    authority: str | None = None
    """Only in a kubeconfig: the CA that it trusts."""
    delegated: bool = False
    """A kubeconfig that points to a file which kubelet rotates through the signer; not ours any more."""


def look(entry: Entry) -> Held:
    """The pair of an entry as it lies on the disk."""
    if entry.kubeconfig:
        return _kubeconfig(entry)
    return Held(_key(_text(entry.key)), _certificate(_text(entry.cert)))


def why(entry: Entry, held: Held, issuer: str, anchors: str, now: datetime) -> str:
    """Why the certificate has to be issued; empty when it is fresh. `issuer` is the mount's CA now, `anchors` its roots."""
    certificate = held.certificate
    if held.delegated:
        return ""
    if certificate is None:
        return "absent"
    if held.key is None or not keys.matches(held.key, certificate):
        return "not a pair"
    if not keys.issued_by(certificate, keys.load_certificate(issuer)):
        return "other authority"
    if entry.kubeconfig and (held.authority or "").strip() != anchors.strip():
        return "other authority"
    if entry.subject and not _named(entry.subject, keys.subject_of(certificate)):
        return "other names"
    return "due" if keys.due(certificate, now) else ""


def asked_anew(held: Held, since: datetime | None) -> str:
    """Why a good certificate is replaced all the same: it is older than somebody wants."""
    if since is None or held.delegated or held.certificate is None:
        return ""
    return "asked for" if held.certificate.not_valid_before_utc + BACKDATED < since else ""


def _named(want: keys.Subject, live: keys.Subject) -> bool:
    return (want.common_name, want.names) == (live.common_name, live.names)


def asked(entry: Entry, held: Held) -> tuple[keys.Key, keys.Subject]:
    """The key and the names of the next certificate. Ours get a new key; kubeadm's keep theirs, which kubeadm made.

    Raises YrdError (E311) when kubeadm has not left a key and a request.
    """
    if entry.subject:
        return keys.new_key(), entry.subject
    request = _text(entry.csr)
    if held.key and request:
        return held.key, keys.subject_of(x509.load_pem_x509_csr(request.encode()))
    if held.key and held.certificate:
        return held.key, keys.subject_of(held.certificate)
    what = entry.kubeconfig or entry.key
    raise YrdError("E311", f"{what} 没有密钥或请求", f"{what}: no key or no request", *_FIX)


_FIX = ("先运行 kubeadm certs generate-csr", "run `kubeadm certs generate-csr` first")


def _kubeconfig(entry: Entry) -> Held:
    held = kubeconfig(_text(entry.kubeconfig))
    if held is None:
        return Held(None, None)
    user, cluster = held["users"][0]["user"], held["clusters"][0]["cluster"]
    return Held(
        _key(_decoded(user.get("client-key-data"))),
        _certificate(_decoded(user.get("client-certificate-data"))),
        _decoded(cluster.get("certificate-authority-data")),
        delegated="client-certificate" in user,
    )


def kubeconfig(text: str) -> dict[str, Any] | None:
    """A kubeconfig with at least one user and one cluster, or None."""
    try:
        held = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    whole = isinstance(held, dict) and bool(held.get("users")) and bool(held.get("clusters"))
    return held if whole else None


def _decoded(text: str | None) -> str:
    """Text behind base64; empty for none and for what is not base64."""
    try:
        return base64.b64decode(text or "", validate=True).decode()
    except ValueError:
        return ""


def _text(path: Any) -> str:
    try:
        return str(path.read_text()) if path else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _key(pem: str) -> keys.Key | None:
    try:
        return keys.load_key(pem)
    except (ValueError, TypeError):
        return None


def _certificate(pem: str) -> x509.Certificate | None:
    try:
        return keys.load_certificate(pem)
    except ValueError:
        return None

"""Certificates that the deployer brings into a cluster: of gateways, of databases, and istiod's own CA.

The key is made here and goes straight to where it is used (D15); OpenBao sees the request alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from clients import keys
from clients.openbao import OpenBao
from model.pki import ROOT, PkiRole
from model.secrets import SecretsSpec


@dataclass(frozen=True)
class Pair:
    """`certificate` carries the authorities up to the anchor, which is `anchor`; PEM."""

    key: str = field(repr=False)
    certificate: str
    anchor: str


def pair(client: OpenBao, spec: SecretsSpec, mount: str, name: str) -> Pair:
    """A new key and its certificate with every name that the role allows. Raises KeyError for an unknown role."""
    return signed(client, spec.role(mount, name))


def signed(client: OpenBao, role: PkiRole) -> Pair:
    """A new key and its certificate with every name that the role allows."""
    key = keys.new_key()
    answer = client.sign(role.sign_path, {"csr": keys.request(key, subject(role)), "exclude_cn_from_sans": True})
    return Pair(keys.key_pem(key), answer.bundle, answer.anchor)


def subject(role: PkiRole) -> keys.Subject:
    """All that a role may certify, in one certificate."""
    return keys.Subject(role.common_names[0], role.organizations, role.dns, role.ips, role.uris)


def mesh_issuer(client: OpenBao, spec: SecretsSpec) -> dict[str, str]:
    """The four files of istiod's Secret `cacerts`. Raises ValueError for a site without a mesh."""
    if spec.mesh is None:
        raise ValueError(f"{spec.site} has no mesh")
    key = keys.new_key()
    csr = keys.request(key, keys.Subject(spec.mesh.common_name))
    signed = client.sign(spec.mesh.path, spec.mesh.fields(csr))
    return {
        "ca-cert.pem": signed.certificate,
        "ca-key.pem": keys.key_pem(key),
        "cert-chain.pem": signed.bundle,
        "root-cert.pem": mesh_anchors(client),
    }


def mesh_anchors(client: OpenBao) -> str:
    """What workloads verify each other with: the root that signs now first, then one that is leaving or coming.

    The order matters. A bundle with other bytes is what makes every proxy ask for a certificate anew, and that is wanted
    when another root signs, although both are trusted before and after (docs/adr/0010-rotation.md).
    """
    current = client.public(ROOT)
    return current + client.anchors(ROOT).replace(current, "")


def stale(certificate: str, client: OpenBao, mount: str, now: datetime, role: PkiRole | None = None) -> bool:
    """Whether a delivered certificate must be replaced: unreadable, a third of its life left, other names, or signed by
    another than the mount's issuer now. `certificate` is empty when the cluster holds none.
    """
    try:
        leaf = keys.load_certificate(certificate)
    except ValueError:
        return True
    named = role is None or keys.subject_of(leaf).names == subject(role).names
    signed = keys.issued_by(leaf, keys.load_certificate(client.public(mount)))
    return keys.due(leaf, now) or not named or not signed

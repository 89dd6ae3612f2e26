"""Whether a certificate request is signed. Pure: request and node in, decision out.

kubernetes.io/kube-apiserver-client-kubelet is approved by Kubernetes itself (SubjectAccessReview) and only signed here;
kubernetes.io/kubelet-serving is approved here, when every name in it is one of the node's own addresses
(kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cryptography import x509
from cryptography.x509.oid import NameOID

CLIENT, SERVING = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"
#: Signer to the PKI role that signs for it.
ROLES = {CLIENT: "kubelet.conf", SERVING: "kubelet-serving"}
USAGES = {
    CLIENT: {"digital signature", "key encipherment", "client auth"},
    SERVING: {"digital signature", "key encipherment", "server auth"},
}


@dataclass(frozen=True)
class Decision:
    """`approve` also signs; `sign` only signs what somebody approved; `refuse` says why."""

    verb: Literal["ignore", "sign", "approve", "refuse"]
    reason: str = ""


@dataclass(frozen=True)
class Names:
    common_name: str
    organizations: tuple[str, ...]
    dns: tuple[str, ...]
    ips: tuple[str, ...]
    others: bool


def names(pem: bytes) -> Names:
    """Who a PKCS #10 request is for. Raises ValueError when it is none, or its signature is not its key's."""
    request = x509.load_pem_x509_csr(pem)
    if not request.is_signature_valid:
        raise ValueError("the request is not signed by its own key")
    subject = request.subject
    common = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = tuple(str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    try:
        alternatives = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names(common[0] if len(common) == 1 else "", organizations, (), (), others=False)
    dns, ips = (
        tuple(alternatives.get_values_for_type(x509.DNSName)),
        tuple(str(a) for a in alternatives.get_values_for_type(x509.IPAddress)),
    )
    return Names(
        common[0] if len(common) == 1 else "",
        organizations,
        dns,
        ips,
        others=len(dns) + len(ips) != len(list(alternatives)),
    )


def node_of(asked: Names) -> str:
    """The node that a request speaks for; empty when it is no node's."""
    return asked.common_name.removeprefix("system:node:") if asked.common_name.startswith("system:node:") else ""


def decide(
    spec: Mapping[str, Any], status: Mapping[str, Any], asked: Names, addresses: frozenset[str] | None
) -> Decision:
    """`addresses` are the node's as the API server knows them, None for a node that is not there (yet)."""
    signer = str(spec["signerName"])
    conditions = {c["type"] for c in status.get("conditions") or ()}
    if signer not in ROLES or status.get("certificate") or conditions & {"Denied", "Failed"}:
        return Decision("ignore")
    if not node_of(asked) or asked.organizations != ("system:nodes",):
        return Decision("refuse", f"{asked.common_name} is not a node")
    if not set(spec.get("usages") or ()) <= USAGES[signer]:
        return Decision("refuse", "usages that the signer does not give")
    if signer == CLIENT:
        if asked.dns or asked.ips or asked.others:
            return Decision("refuse", "a client certificate has no alternative names")
        return Decision("sign" if "Approved" in conditions else "ignore")
    if spec.get("username") != asked.common_name:
        return Decision("refuse", f"{spec.get('username')} asks for {asked.common_name}")
    if asked.others or not (asked.dns or asked.ips):
        return Decision("refuse", "names other than host names and addresses, or none")
    if addresses is None:
        return Decision("ignore")
    foreign = sorted(set(asked.dns + asked.ips) - addresses)
    return Decision("refuse", f"not the node's: {', '.join(foreign)}") if foreign else Decision("approve")

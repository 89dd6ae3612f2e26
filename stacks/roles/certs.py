"""Certificates that a machine keeps by itself: which, for whom, and who must know when one is new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from model import access, pki
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from model.secrets import secrets_spec
from stacks.roles import Managed

APPS = ("certs",)
TLS, KUBERNETES = "/etc/yrd/tls", "/etc/kubernetes"
CREDENTIAL = "/etc/yrd/credentials/certs.json"
BOOTSTRAP = "/etc/openbao/tls/bootstrap.crt"


@dataclass(frozen=True)
class Holder:
    """Who uses a certificate: owner of its files, and the unit that must know. `folder` without a slash at the end."""

    owner: str
    unit: str
    file: str = ""
    folder: str = TLS


#: By mount and role. Names of files default to the role's name.
HOLDERS: dict[tuple[str, str], Holder] = {
    (pki.SERVER, "openbao"): Holder("openbao", "openbao.service", "server", "/etc/openbao/tls"),
    (pki.SERVER, "exporter"): Holder("yrd-exporter", "yrd-exporter.service"),
    (pki.KUBERNETES, "exporter-api"): Holder("yrd-exporter", "yrd-exporter.service"),
    (pki.KUBERNETES, "signer"): Holder("yrd-signer", "yrd-signer.service"),
    (pki.SERVER, "custody"): Holder("yrd-custody", "yrd-custody.service"),
    (pki.SERVER, "registry"): Holder("docker-registry", "docker-registry.service"),
    (pki.SERVER, "prometheus-client"): Holder("prometheus", "prometheus.service"),
    (pki.SERVER, "identity"): Holder("keycloak", "keycloak.service"),
    (pki.SERVER, "portal"): Holder("yrd-login", "yrd-login.service"),
}

#: kubeadm's file below /etc/kubernetes/pki by role. API server and etcd read these files again by themselves (Kubernetes:
#: `dynamiccertificates`, `ReloadTLSFiles`; etcd: at every handshake), so nobody is restarted for them.
PAIRS: dict[str, str] = {
    "apiserver": "apiserver",
    "apiserver-kubelet-client": "apiserver-kubelet-client",
    "front-proxy-client": "front-proxy-client",
    "apiserver-etcd-client": "apiserver-etcd-client",
    "etcd-server": "etcd/server",
    "etcd-peer": "etcd/peer",
    "etcd-healthcheck-client": "etcd/healthcheck-client",
}
#: Static pods by kubeconfig, which they read once at their start. kubelet rotates its own through the signer as soon as it runs.
KUBECONFIGS: dict[str, tuple[str, ...]] = {
    "admin.conf": (),
    "super-admin.conf": (),
    "controller-manager.conf": ("static-pod:kube-controller-manager",),
    "scheduler.conf": ("static-pod:kube-scheduler",),
    "kubelet.conf": (),
}


def variables(plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
    """Ansible variables of the role; no secret among them."""
    entries = list(_entries(plan, site, machine))
    return {
        "certs_spec": {**connection(site, machine), "authorities": [_root()], "entries": entries},
        "certs_accounts": sorted({str(row["owner"]) for row in entries}),
    }


def managed(plan: Plan, site: Site, machine: MachinePlan) -> Managed:
    """What the next look compares. Certificates are not among it: the machine renews them between two looks."""
    del plan, site, machine  # the same on every machine
    files = ("/opt/yrd/apps/certs.pyz", "/etc/yrd/certs.json", f"{TLS}/ca.pem")
    units = tuple(f"/etc/systemd/system/yrd-certs.{kind}" for kind in ("service", "timer"))
    return Managed(files=(*files, *units), units=("yrd-certs.timer",))


def connection(site: Site, machine: MachinePlan) -> dict[str, object]:
    """How the machine reaches its site's OpenBao: over loopback where it stands."""
    here = machine == site.head
    url = "https://127.0.0.1:8200" if here else site.openbao_url
    trust = [f"{TLS}/ca.pem", *([BOOTSTRAP] if here else [])]
    return {"openbao": {"url": url, "trust": trust, "credential": CREDENTIAL}}


def kubernetes_spec(site: ProvincePlan, machine: MachinePlan) -> dict[str, object]:
    """`/etc/yrd/certs-kubernetes.json` of a control plane: the three authorities and everything kubeadm asks for."""
    return {
        **connection(site, machine),
        "authorities": [
            {"mount": pki.KUBERNETES, "path": f"{KUBERNETES}/pki/ca.crt"},
            {"mount": pki.ETCD, "path": f"{KUBERNETES}/pki/etcd/ca.crt"},
            {"mount": pki.FRONT_PROXY, "path": f"{KUBERNETES}/pki/front-proxy-ca.crt"},
        ],
        "entries": [_kubeadm(role) for role in pki.kubeadm_roles(site)],
    }


def _kubeadm(role: pki.PkiRole) -> dict[str, object]:
    row: dict[str, object] = {"name": role.name, "mount": role.mount, "role": role.name, "mode": "0600"}
    if role.name in KUBECONFIGS:
        return {**row, "kubeconfig": f"{KUBERNETES}/{role.name}", "reload": list(KUBECONFIGS[role.name])}
    place = f"{KUBERNETES}/pki/{PAIRS[role.name]}"
    files = {"csr": f"{place}.csr", "key": f"{place}.key", "cert": f"{place}.crt"}
    return {**row, **files, "reload": []}


def _entries(plan: Plan, site: Site, machine: MachinePlan) -> Iterator[dict[str, object]]:
    """Our own services on this machine; what kubeadm asks for is the kubernetes role's."""
    spec = secrets_spec(plan, site)
    for role in access.machine_roles(site, machine, spec.roles):
        if holder := HOLDERS.get((role.mount, role.name)):
            yield _entry(role, holder)


def _entry(role: pki.PkiRole, holder: Holder) -> dict[str, object]:
    place = f"{holder.folder}/{holder.file or role.name}"
    return {
        "name": role.name,
        "mount": role.mount,
        "role": role.name,
        "common_name": role.common_names[0],
        "organizations": list(role.organizations),
        "dns": list(role.dns),
        "ips": list(role.ips),
        "uris": list(role.uris),
        "key": f"{place}.key",
        "cert": f"{place}.crt",
        "owner": holder.owner,
        "mode": "0400",
        "reload": [holder.unit],
    }


def _root() -> dict[str, str]:
    return {"mount": pki.ROOT, "path": f"{TLS}/ca.pem"}

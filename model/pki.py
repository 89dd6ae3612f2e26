"""Certificate authorities and narrow roles of a site's OpenBao, derived from the plan. Pure.

`pki-kubernetes`, `pki-etcd` and `pki-front-proxy` are trust anchors of their own, not children of `pki-root`: whoever
verifies with one of them must accept nothing else of the province. With the site's root in Kubernetes' `ca.crt` a mesh
leaf would be a client of the API server, and OpenSSL accepts no anchor that is not self-signed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from model import names
from model.derive import MachinePlan, Plan, ProvincePlan, Site

ROOT, KUBERNETES, ETCD, FRONT_PROXY, MESH, SERVER = (
    "pki-root",
    "pki-kubernetes",
    "pki-etcd",
    "pki-front-proxy",
    "pki-mesh",
    "pki-server",
)

#: Hours. Ten years for what is an anchor, five for what an anchor signs.
ANCHOR_HOURS, INTERMEDIATE_HOURS = 87_600, 43_800
#: Hours; no leaf lives longer (CE-58, E163). The machine's timer renews when a third of it is left.
LEAF_HOURS = 2_160
#: Hours; what cannot be revoked by its number ends by itself within a month. A machine may be off for three weeks.
UNSTORED_HOURS = 720
#: Hours; the issuer that istiod signs workloads with, replaced by every `up` that finds less than a third left.
MESH_ISSUER_HOURS = 2_160

LOOPBACK = ("127.0.0.1",)
#: As in `model.identity`, which is built on the plan too.
BROKER = "region"


@dataclass(frozen=True)
class Authority:
    """One CA and its mount. `parent` is the mount that signs it, empty for an anchor."""

    mount: str
    common_name: str
    hours: int
    path_length: int
    parent: str = ""


@dataclass(frozen=True)
class PkiRole:
    """One identity: exactly these names, and nothing that a default of OpenBao would add."""

    mount: str
    name: str
    common_names: tuple[str, ...]
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    server: bool = False
    client: bool = False
    hours: int = LEAF_HOURS
    #: Whether OpenBao keeps a copy, by which a single certificate can be listed and revoked (docs/adr/0016-unstored.md).
    stored: bool = True
    #: kubeadm makes RSA keys; everything that we make ourselves is P-256.
    any_key: bool = False

    @property
    def sign_path(self) -> str:
        return f"{self.mount}/sign/{self.name}"

    @property
    def path(self) -> str:
        return f"{self.mount}/roles/{self.name}"

    def fields(self) -> dict[str, object]:
        """The role as OpenBao's API reads and writes it; every permissive default is named."""
        return {
            **_CLOSED,
            "allowed_domains": sorted({*self.common_names, *self.dns}),
            "allowed_ip_sans_cidr": [f"{ip}/{128 if ':' in ip else 32}" for ip in sorted(self.ips)],
            "allow_ip_sans": bool(self.ips),
            "allowed_uri_sans": sorted(self.uris),
            "organization": list(self.organizations),
            "server_flag": self.server,
            "client_flag": self.client,
            "no_store": not self.stored,
            "key_type": "any" if self.any_key else "ec",
            "key_bits": 0 if self.any_key else 256,
            "key_usage": ["DigitalSignature", *(["KeyEncipherment"] if self.any_key else [])],
            "ttl": self.hours * 3600,
            "max_ttl": self.hours * 3600,
        }


#: Identities such as `system:node:x` are no host names: `enforce_hostnames` is off, and still the name is compared with
#: the closed list. `cn_validations = disabled` would skip that comparison and let a role certify any name.
_CLOSED: dict[str, object] = {
    "allow_any_name": False,
    "allow_bare_domains": True,
    "allow_glob_domains": False,
    "allow_globs_in_identity_templates": False,
    "allow_localhost": False,
    "allow_subdomains": False,
    "allow_token_displayname": False,
    "allow_wildcard_certificates": False,
    "allowed_domains_template": False,
    "allowed_other_sans": [],
    "allowed_serial_numbers": [],
    "allowed_uri_sans_template": False,
    "allowed_user_ids": [],
    "basic_constraints_valid_for_non_ca": False,
    "cn_validations": ["hostname"],
    "code_signing_flag": False,
    "email_protection_flag": False,
    "enforce_hostnames": False,
    "ext_key_usage": [],
    "ext_key_usage_oids": [],
    "generate_lease": False,
    "issuer_ref": "default",
    "not_after": "",
    "not_before_duration": 30,
    "ou": [],
    "policy_identifiers": [],
    "require_cn": True,
    "use_csr_common_name": True,
    "use_csr_sans": True,
}


def authorities(site: Site) -> tuple[Authority, ...]:
    """Parents first. The hub has a root and server certificates, and no cluster (D13)."""
    title = site.title.en
    hub = (
        Authority(ROOT, f"{title} root CA", ANCHOR_HOURS, path_length=2),
        Authority(SERVER, f"{title} server CA", INTERMEDIATE_HOURS, path_length=0, parent=ROOT),
    )
    if not isinstance(site, ProvincePlan):
        return hub
    return (
        *hub,
        Authority(MESH, f"{title} mesh CA", INTERMEDIATE_HOURS, path_length=1, parent=ROOT),
        Authority(KUBERNETES, f"{title} Kubernetes CA", ANCHOR_HOURS, path_length=0),
        Authority(ETCD, f"{title} etcd CA", ANCHOR_HOURS, path_length=0),
        Authority(FRONT_PROXY, f"{title} front proxy CA", ANCHOR_HOURS, path_length=0),
    )


def roles(plan: Plan, site: Site) -> tuple[PkiRole, ...]:
    """Every identity that the site's OpenBao may certify."""
    if not isinstance(site, ProvincePlan):
        return (_server(site, "openbao"), *_hub_roles(plan, site))
    return (
        *kubeadm_roles(site),
        *_kubernetes_clients(),
        *_kubelet_serving(site),
        _server(site, "openbao"),
        _server(site, "exporter"),
        _server(site, "custody"),
        *((_identity(plan, site),) if plan.environment.identity.placement == "province" else ()),
        *_exchange_roles(plan, site),
        *((_server(site, names.PUBLIC),) if site.offers else ()),
        *(_database(name) for name in databases(site)),
    )


def control_planes(site: Site) -> tuple[MachinePlan, ...]:
    return tuple(m for m in site.machines if m.role == "control-plane")


def databases(site: Site) -> tuple[str, ...]:
    """`population-database`: one per dataset that the province serves; names its PKI role and its path in `kv`."""
    return tuple(f"{d.name}-database" for d in site.datasets) if isinstance(site, ProvincePlan) else ()


def kubeadm_roles(site: ProvincePlan) -> tuple[PkiRole, ...]:
    """The identities whose requests `kubeadm certs generate-csr` leaves on a control plane, named as its files are."""
    planes = [m.name for m in control_planes(site)]
    addresses = [m.address for m in control_planes(site)]
    nodes = tuple(f"system:node:{m.name}" for m in site.machines)
    admins = ("kubeadm:cluster-admins",)
    etcd_names, etcd_ips = (*planes, "localhost"), (*_texts(addresses), *LOOPBACK, "::1")

    def client(mount: str, name: str, common_names: tuple[str, ...], organizations: tuple[str, ...] = ()) -> PkiRole:
        return PkiRole(mount, name, common_names, organizations, client=True, any_key=True)

    def member(name: str) -> PkiRole:
        common = tuple(planes)
        return PkiRole(ETCD, name, common, dns=etcd_names, ips=etcd_ips, server=True, client=True, any_key=True)

    return (
        _apiserver(site, planes, addresses),
        client(KUBERNETES, "apiserver-kubelet-client", ("kube-apiserver-kubelet-client",), admins),
        client(KUBERNETES, "admin.conf", ("kubernetes-admin",), admins),
        client(KUBERNETES, "super-admin.conf", ("kubernetes-super-admin",), ("system:masters",)),
        client(KUBERNETES, "controller-manager.conf", ("system:kube-controller-manager",)),
        client(KUBERNETES, "scheduler.conf", ("system:kube-scheduler",)),
        _kubelet_client(nodes),
        client(FRONT_PROXY, "front-proxy-client", ("front-proxy-client",)),
        member("etcd-server"),
        member("etcd-peer"),
        client(ETCD, "etcd-healthcheck-client", ("kube-etcd-healthcheck-client",)),
        client(ETCD, "apiserver-etcd-client", ("kube-apiserver-etcd-client",)),
    )


def _kubelet_client(nodes: tuple[str, ...]) -> PkiRole:
    organizations, short = ("system:nodes",), UNSTORED_HOURS
    return PkiRole(
        KUBERNETES, "kubelet.conf", nodes, organizations, client=True, hours=short, stored=False, any_key=True
    )


def _apiserver(site: ProvincePlan, planes: list[str], addresses: list[IPv4Address]) -> PkiRole:
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    # The API server's Service has the first address of the range.
    ips = (*_texts([site.services[1], *addresses]), *LOOPBACK)
    dns = (*service, *planes, "localhost")
    return PkiRole(KUBERNETES, "apiserver", ("kube-apiserver",), dns=dns, ips=ips, server=True, any_key=True)


def _kubernetes_clients() -> tuple[PkiRole, ...]:
    """Our own services towards the API server; what they may do is RBAC's business, by the name alone."""
    return (
        PkiRole(KUBERNETES, "exporter-api", ("yrd:exporter",), client=True),
        PkiRole(KUBERNETES, "signer", ("yrd:csr-signer",), client=True),
    )


def _kubelet_serving(site: ProvincePlan) -> tuple[PkiRole, ...]:
    machines = site.machines
    return (
        PkiRole(
            KUBERNETES,
            "kubelet-serving",
            tuple(f"system:node:{m.name}" for m in machines),
            ("system:nodes",),
            dns=tuple(m.name for m in machines),
            ips=_texts(m.address for m in machines),
            server=True,
            hours=UNSTORED_HOURS,
            stored=False,
            any_key=True,
        ),
    )


def _server(site: Site, service: str, *more: str) -> PkiRole:
    """A TLS server on the site's machines: its own name, the machines' names and addresses, and loopback."""
    name = f"{service}.{site.trust_domain}"
    dns = (name, "localhost", *(m.name for m in site.machines), *more)
    ips = (*_texts(m.address for m in site.machines), *LOOPBACK)
    return PkiRole(SERVER, service, (name,), dns=dns, ips=ips, server=True)


def _hub_roles(plan: Plan, site: Site) -> tuple[PkiRole, ...]:
    return (
        _server(site, "registry", names.REGISTRY),
        _server(site, "portal"),
        _identity(plan, site),
        PkiRole(SERVER, "prometheus-client", (f"prometheus-client.{site.trust_domain}",), client=True),
    )


def _identity(plan: Plan, site: Site) -> PkiRole:
    """Keycloak, by its address and by the names that people know its realms by."""
    hosts = plan.environment.identity.hosts
    own = (BROKER,) if not isinstance(site, ProvincePlan) else (site.name,)
    served = tuple(hosts) if plan.environment.identity.placement == "hub" else own
    return _server(site, "identity", *sorted({hosts[name] for name in served if name in hosts}))


def _exchange_roles(plan: Plan, site: ProvincePlan) -> tuple[PkiRole, ...]:
    """The two gateways. Partners read the SPIFFE URI, so exactly one is allowed in each."""
    domain = plan.world.region.domain
    hours = site.settings["gateway-certificate-days"] * 24
    snis = tuple(names.exchange_sni(partner, site.name, domain) for partner in site.partners)

    def uri(account: str) -> tuple[str, ...]:
        return (f"spiffe://{names.spiffe(site.trust_domain, names.EXCHANGE_NAMESPACE, account)}",)

    ingress, egress = uri(names.INGRESS_ACCOUNT), uri(names.EGRESS_ACCOUNT)
    caller = f"egress.exchange.{site.trust_domain}"
    return (
        PkiRole(
            SERVER,
            "exchange-ingress",
            (site.exchange,),
            dns=(site.exchange, *snis),
            uris=ingress,
            server=True,
            hours=hours,
        ),
        PkiRole(SERVER, "exchange-egress", (caller,), uris=egress, client=True, hours=hours),
    )


def _database(name: str) -> PkiRole:
    """The database's Service inside the cluster, under each of the names that a resolver makes of it."""
    inside = f"{name}.{names.DATA_NAMESPACE}"
    return PkiRole(
        SERVER, name, (name,), dns=(name, inside, f"{inside}.svc", f"{inside}.svc.cluster.local"), server=True
    )


def _texts(addresses: Iterable[IPv4Address | IPv6Address]) -> tuple[str, ...]:
    return tuple(str(address) for address in addresses)

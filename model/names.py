"""Every derived name in one place. No randomness; the environment is part of what could meet another one."""

from __future__ import annotations

#: Registry that images are named after. Nodes reach it through containerd's mirror configuration, never by this name.
REGISTRY = "registry.yrd"

#: Namespaces of ours in each cluster.
MESH_NAMESPACE = "istio-system"
EXCHANGE_NAMESPACE = "exchange"
DATA_NAMESPACE = "data"
CONSUMER_NAMESPACE = "apps"
#: Where a province's gateway for people stands; only in a province that offers a service.
PUBLIC_NAMESPACE = "public"

INGRESS_ACCOUNT = "ingress"
EGRESS_ACCOUNT = "egress"
CONSUMER_ACCOUNT = "consumer"
PUBLIC_ACCOUNT = "public-gateway"
#: The public gateway's PKI role, and the Secret with its pair.
PUBLIC, PUBLIC_SECRET = "public", "public-tls"

#: The key of a province's exchange client: its path in `kv`, the Secret beside the consumer, the file inside.
EXCHANGE_CLIENT, EXCHANGE_KEY_FILE = "exchange-client", "key.json"


def prefix(environment: str) -> str:
    """`yrd-local`: what every container, namespace and device of an environment starts with."""
    return f"yrd-{environment}"


def machine(environment: str, name: str) -> str:
    """`yrd-local-shanghai-1`: container and network namespace of a machine."""
    return f"{prefix(environment)}-{name}"


def backbone(environment: str) -> str:
    """`yrd-local-backbone`: the namespace that routes between the provinces' segments."""
    return f"{prefix(environment)}-backbone"


def bridge(segment: int) -> str:
    """`seg31`: the bridge of a segment inside the backbone namespace (15 bytes at most)."""
    return f"seg{segment}"


def stack(environment: str, unit: str) -> str:
    """`local.shanghai`, `local.region`: a Pulumi stack."""
    return f"{environment}.{unit}"


def trust_domain(province: str, domain: str) -> str:
    """`shanghai.yrd`: SPIFFE trust domain of a province."""
    return f"{province}.{domain}"


def spiffe(trust: str, namespace: str, account: str) -> str:
    """`shanghai.yrd/ns/exchange/sa/egress`: principal as Istio's AuthorizationPolicy writes it."""
    return f"{trust}/ns/{namespace}/sa/{account}"


def exchange_host(provider: str, domain: str) -> str:
    """`anhui.exchange.yrd`: the name by which consumers inside any province call a provider."""
    return f"{provider}.exchange.{domain}"


def exchange_sni(consumer: str, provider: str, domain: str) -> str:
    """`shanghai.exchange.anhui.yrd`: one server name per partner; its root is trusted for this name alone."""
    return f"{consumer}.exchange.{provider}.{domain}"


def realm_host(realm: str, domain: str) -> str:
    """`shanghai.identity.yrd`: how a mesh calls a realm that has an address and no name; no resolver needs it."""
    return f"{realm}.identity.{domain}"


def realm_trust(realm: str) -> str:
    """`realm-shanghai`: RequestAuthentication at the ingress gateway that holds this partner's keys."""
    return f"realm-{realm}"


def page_client(service: str) -> str:
    """`affairs-client`: the key of a page's client at the broker: its path in `kv`, and the Secret beside the page."""
    return f"{service}-client"


def partner_secret(consumer: str) -> str:
    """`partner-shanghai`: Secret at the ingress gateway whose `ca.crt` is that partner's root and nothing else."""
    return f"partner-{consumer}"


def exchange_client_secret(provider: str) -> str:
    """`exchange-anhui`: Secret at the egress gateway to call that provider with."""
    return f"exchange-{provider}"


def policy(agreement: str) -> str:
    """AuthorizationPolicy that opens one agreement."""
    return f"agreement-{agreement}"


def database(dataset: str) -> str:
    """`population-database`: a dataset's database, its Service, PKI role and path in `kv`."""
    return f"{dataset}-database"

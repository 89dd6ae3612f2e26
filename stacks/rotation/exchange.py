"""The call by which a province's rotation is measured, as the consumer's egress gateway makes it, hop for hop.

    egress's identity -> ingress gateway -> service -> database, each over a connection of its own

A province that provides is called by its first consumer; one that consumes calls; one without an agreement calls a partner
and is told 403: its certificate was accepted and its request refused, which is all that it may have.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from clients import cluster, envoy, network, state
from clients.exchange import NOBODY
from clients.load import once
from clients.prober import Request
from model import names
from model.derive import Flow, Plan, ProvincePlan
from services.population import FRESH_HEADER
from toolchain import install


@dataclass(frozen=True)
class Path:
    """Who calls whom; `flow` is the agreement, None where there is none."""

    consumer: ProvincePlan
    provider: ProvincePlan
    flow: Flow | None

    def standing(self, plan: Plan) -> AbstractContextManager[str]:
        """Where the load stands: on the consumer's segment, whose addresses the provider lets in."""
        return network.guest(plan, self.consumer)


def path(plan: Plan, site: ProvincePlan) -> Path:
    """Pure."""
    if site.provides:
        return Path(plan.province(site.provides[0].consumer), site, site.provides[0])
    for provider in plan.provinces:
        for flow in provider.provides:
            if flow.consumer == site.name:
                return Path(site, provider, flow)
    return Path(site, plan.province(site.partners[0]), None)


def request(plan: Plan, way: Path) -> Request:
    """With the pair, the roots and the token that the consumer's side has now. Raises ClusterError, UnreachableError."""
    api = cluster.connect(plan, way.consumer)
    pair = api.secret(names.EXCHANGE_NAMESPACE, names.exchange_client_secret(way.provider.name)) or {}
    bare = asked(plan, way, pair.get("tls.crt", ""), pair.get("tls.key", ""), pair.get("ca.crt", ""))
    if way.flow is None:
        return bare
    token = consumer_token(api, way.flow.agreement.name)
    return replace(bare, headers={**bare.headers, "authorization": f"Bearer {token}"})


def consumer_token(api: cluster.Cluster, agreement: str) -> str:
    """The token that the consumer's pod holds for an agreement; a new one when it is past its half."""
    ask = "import sys; from services.consumer.tokens import Tokens, client; print(Tokens(client()).get(sys.argv[1]))"
    command = ("python3", "-c", ask, agreement)
    pod = f"deploy/{names.CONSUMER_ACCOUNT}"
    return envoy.execute(install.tool("kubectl"), api, names.CONSUMER_NAMESPACE, pod, "consumer", *command).strip()


def asked(plan: Plan, way: Path, certificate: str, key: str, roots: str) -> Request:
    """The request itself; pure."""
    sni = names.exchange_sni(way.consumer.name, way.provider.name, plan.world.region.domain)
    bare = Request(
        host=str(way.provider.head.address),
        port=plan.world.region.ports.exchange,
        server_name=sni,
        ca=roots,
        certificate=certificate,
        key=key,
        headers={FRESH_HEADER: "1", "content-type": "application/json"},
        method="POST",
    )
    if way.flow is None:
        return replace(bare, path="/", status=403)
    operation = way.flow.operations[0]
    body = json.dumps({k: NOBODY.get(k, "") for k in operation.request}, ensure_ascii=False)
    return replace(bare, method=operation.method, path=operation.path, body=body, contains='"result"')


def knock(plan: Plan, consumer: ProvincePlan, provider: ProvincePlan, certificate: str, key: str) -> Request:
    """Whether a gateway lets a certificate in at all: any HTTP answer will do, 403 included."""
    roots = state.root_certificate(plan.environment.name, provider.name).read_text()
    return replace(asked(plan, Path(consumer, provider, None), certificate, key, roots), status=0)


def believed(plan: Plan, way: Path, token: str) -> bool:
    """Whether the provider's gateway believes who signed a token that gives no right: 403, and 401 for a stranger's.

    Raises ValueError for any other answer: neither was shown.
    """
    bare = request(plan, replace(way, flow=None))
    bearing = replace(bare, headers={**bare.headers, "authorization": f"Bearer {token}"})
    with way.standing(plan) as namespace:
        fault = once(bearing, namespace)
    if fault not in ("", "status 401"):
        raise ValueError(f"{way.provider.name}: {fault}")
    return not fault

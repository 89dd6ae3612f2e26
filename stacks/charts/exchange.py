"""Release `exchange`: partners, routes, and one AuthorizationPolicy per agreement in force (D5).

Every partner gets a server name, a route out and a route in, so that a province without an agreement really reaches the
provider and is really refused there. Only agreements open anything.
"""

from __future__ import annotations

import hashlib

from model import identity, names
from model.derive import Flow, Plan, ProvincePlan
from model.types import Agreement, Operation
from services.population import FRESH_HEADER
from stacks.charts.datasets import SERVICE_PORT, TARGET_PORT
from stacks.charts.mesh import GATEWAY_PORT
from stacks.charts.namespaces import NAME_LABEL
from stacks.charts.types import Values

#: What one partner may send: a promotion day's peak with room (requests per second), and more than any request needs.
REQUESTS_PER_SECOND, BODY_BYTES = 200, 64 * 1024


def values(plan: Plan, province: ProvincePlan) -> Values:
    """Both roles of a province: it is called by its partners, and it calls them."""
    return {
        "nameLabel": NAME_LABEL,
        "gatewayPort": GATEWAY_PORT,
        "ingress": names.INGRESS_ACCOUNT,
        "egress": names.EGRESS_ACCOUNT,
        "consumer": {"namespace": names.CONSUMER_NAMESPACE, "app": names.CONSUMER_ACCOUNT},
        "consumerPrincipal": names.spiffe(province.trust_domain, names.CONSUMER_NAMESPACE, names.CONSUMER_ACCOUNT),
        "exchangePort": plan.world.region.ports.exchange,
        "freshHeader": FRESH_HEADER,
        "limits": {"requestsPerSecond": REQUESTS_PER_SECOND, "bodyBytes": BODY_BYTES},
        "partners": [_partner(plan, province, plan.province(name)) for name in province.partners],
        "datasets": _datasets(province),
        "agreements": [rule(plan, flow) for flow in province.provides],
    }


def digest(agreement: Agreement) -> str:
    """What was signed, in one line: any change of the agreement changes it."""
    return f"sha256:{hashlib.sha256(agreement.model_dump_json().encode()).hexdigest()}"


def rule(plan: Plan, flow: Flow) -> Values:
    """One agreement as the ingress gateway enforces it: who, by which server name, what, until when (RB-05, RB-11)."""
    consumer, agreement = plan.province(flow.consumer), flow.agreement
    return {
        "policy": names.policy(agreement.name),
        "agreement": agreement.name,
        "consumer": flow.consumer,
        "dataset": flow.dataset.name,
        "principal": names.spiffe(consumer.trust_domain, names.EXCHANGE_NAMESPACE, names.EGRESS_ACCOUNT),
        "sni": flow.sni,
        "operations": [_operation(o) for o in flow.operations],
        "claims": claims(plan, flow),
        "digest": digest(agreement),
        "expires": agreement.valid.until.isoformat(),
        # A label's value may not hold a colon: seconds since 1970.
        "expiresAt": str(int(agreement.valid.until.timestamp())),
    }


def claims(plan: Plan, flow: Flow) -> dict[str, str]:
    """What the caller's token must say: whose realm it is from, whose client asked, for whom and for what.

    A realm may write any province into its tokens, so the issuer is pinned beside it.
    """
    return {
        "iss": identity.realm(plan, flow.consumer).issuer,
        "azp": identity.EXCHANGE,
        "aud": flow.host,
        identity.CLAIM_PROVINCE: flow.consumer,
        identity.CLAIM_PURPOSE: flow.agreement.name,
    }


def _operation(operation: Operation) -> Values:
    return {"method": operation.method, "path": operation.path}


def _partner(plan: Plan, province: ProvincePlan, partner: ProvincePlan) -> Values:
    domain = plan.world.region.domain
    identity = names.spiffe(partner.trust_domain, names.EXCHANGE_NAMESPACE, names.INGRESS_ACCOUNT)
    return {
        "name": partner.name,
        "host": partner.exchange,
        "segment": str(partner.segment),
        "addresses": [str(m.address) for m in partner.machines],
        "callsUsAs": names.exchange_sni(partner.name, province.name, domain),
        "weCallAs": names.exchange_sni(province.name, partner.name, domain),
        "serverSecret": names.partner_secret(partner.name),
        "clientSecret": names.exchange_client_secret(partner.name),
        "serverIdentity": f"spiffe://{identity}",
    }


def _datasets(province: ProvincePlan) -> list[Values]:
    return [
        {
            "name": dataset.name,
            "namespace": names.DATA_NAMESPACE,
            "host": f"{dataset.name}.{names.DATA_NAMESPACE}.svc.cluster.local",
            "port": SERVICE_PORT,
            "targetPort": TARGET_PORT,
            "operations": [_operation(o) for o in dataset.operations],
        }
        for dataset in province.datasets
    ]

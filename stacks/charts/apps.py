"""Release `apps`: the consumer's side of an agreement, in every province; from here a call really is tried."""

from __future__ import annotations

from model import identity, names
from model.derive import Plan, ProvincePlan
from stacks.charts.mesh import GATEWAY_PORT
from stacks.charts.namespaces import NAME_LABEL
from stacks.charts.types import CONTAINER, Images, Values, pod_security, requests

UID = 10001
SETTINGS, CLIENT, FOLDER = "/etc/yrd/exchange", "/etc/yrd/exchange-client", "/run/exchange-tokens"


def values(plan: Plan, province: ProvincePlan, images: Images) -> Values:
    return {
        "account": names.CONSUMER_ACCOUNT,
        "image": images["services"].reference,
        "nameLabel": NAME_LABEL,
        "exchange": {"namespace": names.EXCHANGE_NAMESPACE, "egress": names.EGRESS_ACCOUNT, "port": GATEWAY_PORT},
        "tokens": _tokens(plan, province),
        "resources": requests("5m", "32Mi", "96Mi"),
        "podSecurity": pod_security(UID, group_writes=True),
        "containerSecurity": CONTAINER,
    }


def _tokens(plan: Plan, province: ProvincePlan) -> Values:
    """The province's own realm, and what may be asked of it; key and root arrive in the Secret."""
    realm, port = identity.realm(plan, province.name), plan.world.region.ports.identity
    host = plan.environment.identity.hosts.get(realm.name, names.realm_host(realm.name, plan.world.region.domain))
    return {
        "secret": names.EXCHANGE_CLIENT,
        "paths": {"settings": SETTINGS, "client": CLIENT, "folder": FOLDER},
        "realm": {"host": host, "address": str(realm.site.head.address), "port": port},
        "settings": {
            "issuer": realm.issuer,
            "client": identity.EXCHANGE,
            "key": f"{CLIENT}/{names.EXCHANGE_KEY_FILE}",
            "authority": f"{CLIENT}/ca.pem",
            "folder": FOLDER,
            "purposes": {p.agreement: p.scope for p in identity.purposes(province)},
        },
    }

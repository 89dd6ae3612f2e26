"""Release `apps`: the consumer's side of an agreement, in every province; from here a call really is tried."""

from __future__ import annotations

from model import names
from stacks.charts.mesh import GATEWAY_PORT
from stacks.charts.namespaces import NAME_LABEL
from stacks.charts.types import CONTAINER, Images, Values, pod_security, requests

UID = 10001


def values(images: Images) -> Values:
    return {
        "account": names.CONSUMER_ACCOUNT,
        "image": images["services"].reference,
        "nameLabel": NAME_LABEL,
        "exchange": {"namespace": names.EXCHANGE_NAMESPACE, "egress": names.EGRESS_ACCOUNT, "port": GATEWAY_PORT},
        "resources": requests("5m", "32Mi", "96Mi"),
        "podSecurity": pod_security(UID),
        "containerSecurity": CONTAINER,
    }

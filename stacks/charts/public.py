"""Release `public`: the province's gateway for people, and which page is behind it."""

from __future__ import annotations

from model import names
from model.derive import Plan, ProvincePlan
from stacks.charts.datasets import SERVICE_PORT, TARGET_PORT
from stacks.charts.mesh import GATEWAY_PORT
from stacks.charts.namespaces import NAME_LABEL
from stacks.charts.types import Values

#: For all people together (requests per second), and more than any form of ours needs (bytes).
REQUESTS_PER_SECOND, BODY_BYTES = 100, 64 * 1024


def values(plan: Plan, province: ProvincePlan) -> Values:
    """A province that offers nothing has no such release."""
    (service,) = province.offers
    port = plan.world.region.ports.public
    return {
        "nameLabel": NAME_LABEL,
        "account": names.PUBLIC_ACCOUNT,
        "gatewayPort": GATEWAY_PORT,
        "secret": names.PUBLIC_SECRET,
        "hosts": [f"{machine.address}:{port}" for machine in province.machines],
        "limits": {"requestsPerSecond": REQUESTS_PER_SECOND, "bodyBytes": BODY_BYTES},
        "page": {
            "name": service.name,
            "namespace": names.CONSUMER_NAMESPACE,
            "host": f"{service.name}.{names.CONSUMER_NAMESPACE}.svc.cluster.local",
            "port": SERVICE_PORT,
            "targetPort": TARGET_PORT,
        },
    }

"""Release `population`: the population base of a province that provides it, and its database (D11)."""

from __future__ import annotations

from model import names
from model.derive import ProvincePlan
from model.types import Dataset
from stacks.charts.datasets import SERVICE_PORT, TARGET_PORT
from stacks.charts.namespaces import NAME_LABEL
from stacks.charts.types import CONTAINER, Images, Values, pod_security, requests

SERVICE_UID, DATABASE_UID = 10001, 10002
#: Folder on the province's first machine; it has to exist before the pod starts.
VOLUME = "/var/lib/yrd/volumes/population"
PEOPLE = 1000


def values(province: ProvincePlan, dataset: Dataset, images: Images) -> Values:
    """The machine that holds the data is the head: a local volume does not move."""
    database = names.database(dataset.name)
    ingress = names.spiffe(province.trust_domain, names.EXCHANGE_NAMESPACE, names.INGRESS_ACCOUNT)
    return {
        "nameLabel": NAME_LABEL,
        "ingress": {"principal": ingress, "namespace": names.EXCHANGE_NAMESPACE, "label": names.INGRESS_ACCOUNT},
        "service": {
            "image": images["services"].reference,
            "principal": names.spiffe(province.trust_domain, names.DATA_NAMESPACE, dataset.name),
            "port": SERVICE_PORT,
            "targetPort": TARGET_PORT,
            "operations": [{"method": o.method, "path": o.path} for o in dataset.operations],
            "resources": requests("10m", "64Mi", "192Mi"),
            "podSecurity": pod_security(SERVICE_UID, group_writes=True),
        },
        "database": {
            "image": images["postgres"].reference,
            "host": f"{database}.{names.DATA_NAMESPACE}.svc",
            "port": 5432,
            "uid": DATABASE_UID,
            "machine": province.head.name,
            "volume": VOLUME,
            "size": "2Gi",
            # Put there from OpenBao: `username`, `password`, `postgres-password`, and `tls.crt`, `tls.key`, `ca.crt`.
            "credentials": database,
            "certificate": f"{database}-tls",
            "resources": requests("20m", "96Mi", "384Mi"),
            "podSecurity": pod_security(DATABASE_UID, group_writes=True),
        },
        "people": {"region": province.code, "count": PEOPLE},
        "containerSecurity": CONTAINER,
    }

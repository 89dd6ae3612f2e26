"""Every role at every back end: real operations, and whether each must be allowed. Expected, from `model/authority.py` alone. Pure.

An operation is asked for in a way that changes nothing even where it is allowed: authorization comes before the look whether
the named thing exists, so what is named does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from model import authority, names
from model.authority import Act
from model.derive import Plan, ProvincePlan
from model.identity import ENTRANTS, EXCHANGE, ROLES


class Backend(StrEnum):
    API = "api-server"
    OPENBAO = "openbao"
    POSTGRES = "postgresql"
    KEYCLOAK = "keycloak-admin"
    GATEWAY = "gateway"


class Way(StrEnum):
    """How somebody comes."""

    HOME = "home"
    BROKER = "broker"
    """Logged in at home, and brought by the region's broker."""
    ABROAD = "abroad"
    """With the token of the own realm at another province."""
    NOBODY = "nobody"
    """With no token at all."""


@dataclass(frozen=True)
class Operation:
    """`ask` is `METHOD /path` for HTTP, a statement for a database."""

    name: str
    backend: Backend
    area: str
    act: Act
    ask: str
    body: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Subject:
    """Who asks. `home` is the province that the account belongs to; empty for nobody."""

    role: str
    home: str
    way: Way

    def __str__(self) -> str:
        return self.role if self.way is Way.NOBODY else f"{self.home}'s {self.role}, {self.way.value}"


@dataclass(frozen=True)
class Cell:
    """One question of the matrix, and its answer by the model."""

    subject: Subject
    target: str
    operation: Operation
    allowed: bool


#: Not there, so that whoever may touch it changes nothing.
ABSENT = "absent"
_APPS = f"/apis/apps/v1/namespaces/{names.CONSUMER_NAMESPACE}/deployments"
_RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
_NETWORK = f"/apis/networking.k8s.io/v1/namespaces/{names.CONSUMER_NAMESPACE}/networkpolicies"
_MESH = f"/apis/security.istio.io/v1/namespaces/{names.CONSUMER_NAMESPACE}/authorizationpolicies"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_POD = f"/api/v1/namespaces/{names.CONSUMER_NAMESPACE}/pods/{ABSENT}"
_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": ABSENT},
    "spec": {
        "selector": {"matchLabels": {"app": ABSENT}},
        "template": {"metadata": {"labels": {"app": ABSENT}}, "spec": {"containers": [{"name": "a", "image": "a"}]}},
    },
}
_WIDE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": ABSENT},
    "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
}


def _api() -> Iterator[Operation]:
    def row(name: str, area: str, act: Act, ask: str, /, **body: Any) -> Operation:
        return Operation(name, Backend.API, area, act, ask, body)

    yield row("see pods", "workloads", "read", "GET /api/v1/pods")
    yield row("read a pod's log", "workloads", "read", f"GET {_POD}/log")
    yield row("delete a pod", "workloads", "change", f"DELETE {_POD}")
    yield row("scale a deployment", "workloads", "change", f"PATCH {_APPS}/{ABSENT}/scale", spec={"replicas": 1})
    yield row("see nodes", "nodes", "read", "GET /api/v1/nodes")
    yield row("cordon a node", "nodes", "change", f"PATCH /api/v1/nodes/{ABSENT}", spec={"unschedulable": True})
    yield row("see roles", "rights", "read", f"GET {_RBAC}")
    yield row("delete a role", "rights", "change", f"DELETE {_RBAC}/{ABSENT}")
    yield row("see network policies", "policies", "read", f"GET {_NETWORK}")
    yield row("delete a network policy", "policies", "change", f"DELETE {_NETWORK}/{ABSENT}")
    yield row("delete an authorization policy", "policies", "change", f"DELETE {_MESH}/{ABSENT}")
    yield row("delete an admission policy", "policies", "change", f"DELETE {_ADMISSION}/{ABSENT}")
    yield row("deploy", "deployment", "change", f"POST {_APPS}?dryRun=All", **_DEPLOYMENT)
    yield row("grant a right to read secrets", "secrets", "change", f"POST {_RBAC}?dryRun=All", **_WIDE)
    yield row("read secrets", "secrets", "read", "GET /api/v1/secrets")
    yield row("run a command in a pod", "secrets", "change", f"POST {_POD}/exec?command=id")
    yield row(
        "take an account's token", "secrets", "change", "POST /api/v1/namespaces/apps/serviceaccounts/default/token"
    )


#: Stands in a body for the accessor of another session of whoever asks, so that ending it harms nobody.
OWN_SESSION = "{own session}"


def _openbao(province: ProvincePlan) -> Iterator[Operation]:
    def row(name: str, area: str, act: Act, ask: str, /, **body: Any) -> Operation:
        return Operation(name, Backend.OPENBAO, area, act, ask, body)

    yield row("see the store's members", "nodes", "read", "GET sys/storage/raft/configuration")
    yield row("see policies", "rights", "read", "LIST sys/policies/acl")
    yield row("see who is logged in", "rights", "read", "LIST auth/token/accessors")
    yield row("end a session", "rights", "change", "PUT auth/token/revoke-accessor", accessor=OWN_SESSION)
    yield row("see audit devices", "records", "read", "GET sys/audit")
    yield row("search the audit files", "records", "read", "PUT sys/audit-hash/one", input="x")
    yield row("change a policy", "secrets", "change", f"PUT sys/policies/acl/{ABSENT}", policy="")
    yield row("make another way in", "secrets", "change", f"PUT auth/jwt/role/{ABSENT}", role_type="jwt")
    yield row("read a secret", "secrets", "read", f"GET kv/data/{ABSENT}")
    yield row("decrypt with the cluster's key", "secrets", "read", "PUT transit/decrypt/etcd", ciphertext="vault:v1:")
    yield row("sign a certificate", "secrets", "change", "PUT pki-kubernetes/sign/super-admin.conf", csr="")
    yield row("take a snapshot", "secrets", "read", "GET sys/storage/raft/snapshot")
    del province


def _keycloak(province: ProvincePlan) -> Iterator[Operation]:
    def row(name: str, area: str, act: Act, ask: str, /, **body: Any) -> Operation:
        method, _, path = ask.partition(" ")
        return Operation(name, Backend.KEYCLOAK, area, act, f"{method} /admin/realms/{province.name}{path}", body)

    yield row("see people", "people", "read", "GET /users?max=1")
    # An account without a name is refused, but only after the question whether accounts may be made.
    yield row("make an account", "people", "change", "POST /users", enabled=False)
    yield row("see how people log in", "policies", "read", "GET /authentication/flows")
    yield row("see logins", "records", "read", "GET /events?max=1")
    yield row("see what administrators did", "records", "read", "GET /admin-events?max=1")
    yield row("change the realm", "deployment", "change", "POST /roles", description="a role without a name")
    yield row("see clients and their keys", "secrets", "read", "GET /clients?max=1")


def _gateway(province: ProvincePlan) -> Iterator[Operation]:
    """Asked for from a pod of the partner, so that the workload's identity is right and only the token decides."""
    for flow in province.provides:
        for operation in flow.operations:
            ask = f"{operation.method} http://{flow.host}{operation.path}"
            body = {"consumer": flow.consumer, "agreement": flow.agreement.name, "fields": list(operation.request)}
            yield Operation(
                f"ask {flow.dataset.name} to {operation.name}", Backend.GATEWAY, "exchange", "read", ask, body
            )


def _portal(plan: Plan) -> Operation:
    """The region's page, by a login at the broker."""
    url = f"https://{plan.hub.head.address}:{plan.world.region.ports.portal}/"
    return Operation("open the portal", Backend.GATEWAY, "portal", "read", f"GET {url}")


def operations(plan: Plan, province: ProvincePlan) -> tuple[Operation, ...]:
    """What is asked of a province's back ends, and by its people of the region's."""
    return (*_api(), *_openbao(province), *_keycloak(province), *_gateway(province), _portal(plan))


def subjects(plan: Plan, target: ProvincePlan) -> Iterator[Subject]:
    """Everybody of the province itself, everybody of a neighbour by both ways, and nobody."""
    members = [p.name for p in plan.provinces]
    neighbour = members[(members.index(target.name) + 1) % len(members)]
    yield from (Subject(role, target.name, Way.HOME) for role in ROLES)
    if neighbour != target.name:
        yield from (Subject(role, neighbour, way) for way in (Way.BROKER, Way.ABROAD) for role in ROLES)
    yield Subject("nobody", "", Way.NOBODY)
    yield from (Subject(EXCHANGE, consumer, Way.HOME) for consumer in {f.consumer: 0 for f in target.provides})


def _asks(subject: Subject, operation: Operation) -> bool:
    """The exchange's client has a key that never leaves its cluster: it is asked where it is. The portal has one way in."""
    if operation.area == "portal":
        return subject.role != EXCHANGE and subject.way in (Way.HOME, Way.NOBODY)
    return subject.role != EXCHANGE or operation.backend is Backend.GATEWAY


def allowed(subject: Subject, target: str, operation: Operation) -> bool:
    """A power holds at home, by the realm's own token, and nowhere else; a gateway opens to the partner's client alone."""
    if operation.area == "portal":
        return subject.role in ENTRANTS
    if operation.backend is Backend.GATEWAY:
        return subject.role == EXCHANGE and subject.home == operation.body["consumer"]
    at_home = subject.way is Way.HOME and subject.home == target
    return at_home and authority.allows(subject.role, operation.area, operation.act)


def matrix(plan: Plan, provinces: tuple[str, ...] = ()) -> tuple[Cell, ...]:
    """Every question and its answer; of the chosen provinces, or of all."""
    return tuple(
        Cell(subject, target.name, operation, allowed(subject, target.name, operation))
        for target in plan.provinces
        if not provinces or target.name in provinces
        for subject in subjects(plan, target)
        for operation in operations(plan, target)
        if _asks(subject, operation)
    )


__all__ = ["EXCHANGE", "Backend", "Cell", "Operation", "Subject", "Way", "matrix"]

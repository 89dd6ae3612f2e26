"""Who may do what: one table of areas, from which RBAC, OpenBao's policies, database grants and Keycloak roles derive. Pure.

Three powers share the administration so that nobody can act and hide it (MC-01, MC-03): system runs workloads and nodes,
security decides rights and policies, audit changes nothing and alone reads the records. Values of secrets and citizens'
data belong to no power: `yrd up` and the services handle them with credentials of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from model.identity import AUDIT, POWERS, SECURITY, SYSTEM

Act = Literal["read", "change"]


@dataclass(frozen=True)
class Area:
    """A field of work: which powers may look at it, and which one may change it; empty for none."""

    reads: tuple[str, ...] = ()
    changes: str = ""

    def allows(self, role: str, act: Act) -> bool:
        return role in self.reads if act == "read" else role == self.changes


AREAS: dict[str, Area] = {
    "workloads": Area((SYSTEM, AUDIT), SYSTEM),
    "nodes": Area((SYSTEM, AUDIT), SYSTEM),
    "rights": Area((SECURITY, AUDIT), SECURITY),
    "policies": Area((SECURITY, AUDIT), SECURITY),
    "people": Area((SECURITY, AUDIT), SECURITY),
    # What happened, and who did it. Whoever could act may not see whether it was noticed.
    "records": Area((AUDIT,)),
    # What only `yrd up` changes, and what nobody reads through an account of a person.
    "deployment": Area(),
    "secrets": Area(),
    "data": Area(),
    # Between provinces only services ask, each with its own realm's token for one agreement.
    "exchange": Area(),
    # The region's own page shows no province's data; who may enter is the broker's matter (`identity.ENTRANTS`).
    "portal": Area(),
}


def allows(role: str, area: str, act: Act) -> bool:
    """Whether a role may do this in an area. Raises KeyError for an area that is not in the table."""
    return role in POWERS and AREAS[area].allows(role, act)


@dataclass(frozen=True)
class Kinds:
    """Kinds of the API server. `read` and `change` are verbs; none for what is not granted even inside the area."""

    area: str
    group: str
    resources: tuple[str, ...]
    read: tuple[str, ...] = ("get", "list", "watch")
    change: tuple[str, ...] = ()


_WRITE = ("create", "update", "patch", "delete")

#: Whoever writes a pod's template reads every secret of its namespace, so system scales, restarts and drains, and `yrd up`
#: alone deploys. `nodes/proxy`, `exec`, tokens, impersonation and webhooks (they see secrets) are nobody's.
KUBERNETES: tuple[Kinds, ...] = (
    Kinds("workloads", "", ("pods",), change=("delete",)),
    Kinds("workloads", "", ("pods/eviction",), read=(), change=("create",)),
    Kinds("workloads", "", ("pods/log",), read=("get",)),
    Kinds("workloads", "", ("namespaces", "services", "endpoints", "configmaps", "events", "persistentvolumeclaims")),
    Kinds("workloads", "", ("resourcequotas", "limitranges")),
    Kinds("workloads", "discovery.k8s.io", ("endpointslices",)),
    Kinds("workloads", "apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    Kinds("workloads", "apps", ("deployments/scale", "statefulsets/scale"), ("get",), ("update", "patch")),
    Kinds("workloads", "batch", ("jobs", "cronjobs")),
    Kinds("nodes", "", ("nodes",), change=("update", "patch")),
    Kinds("nodes", "", ("persistentvolumes",)),
    Kinds("nodes", "coordination.k8s.io", ("leases",)),
    Kinds("nodes", "certificates.k8s.io", ("certificatesigningrequests",)),
    Kinds(
        "rights",
        "rbac.authorization.k8s.io",
        ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
        change=_WRITE,
    ),
    Kinds("rights", "", ("serviceaccounts",)),
    Kinds("policies", "networking.k8s.io", ("networkpolicies",), change=_WRITE),
    Kinds(
        "policies",
        "security.istio.io",
        ("authorizationpolicies", "peerauthentications", "requestauthentications"),
        change=_WRITE,
    ),
    Kinds(
        "policies",
        "admissionregistration.k8s.io",
        ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        change=_WRITE,
    ),
    Kinds(
        "policies",
        "admissionregistration.k8s.io",
        ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
    ),
    # The kubelet serves the machine's logs, the API server's audit log among them, to who may `get` this.
    Kinds("records", "", ("nodes/log",), read=("get",)),
)


@dataclass(frozen=True)
class Rule:
    """One rule of a ClusterRole."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


def cluster_role(power: str) -> tuple[Rule, ...]:
    """What a power may do at its province's API server."""
    found = ((k, (*_if(power, k.area, "read", k.read), *_if(power, k.area, "change", k.change))) for k in KUBERNETES)
    return tuple(Rule(kinds.group, kinds.resources, verbs) for kinds, verbs in found if verbs)


def _if(power: str, area: str, act: Act, granted: tuple[str, ...]) -> tuple[str, ...]:
    return granted if allows(power, area, act) else ()


#: Capabilities on exact paths of the province's OpenBao, by area: (area, act, path, capabilities). Policies themselves are
#: nobody's to write: who could write one would read every secret.
_OPENBAO: tuple[tuple[str, Act, str, tuple[str, ...]], ...] = (
    ("nodes", "read", "sys/storage/raft/configuration", ("read",)),
    ("nodes", "read", "sys/storage/raft/autopilot/state", ("read",)),
    ("rights", "read", "sys/policies/acl", ("list",)),
    ("rights", "read", "sys/auth", ("read",)),
    ("rights", "read", "sys/mounts", ("read",)),
    ("rights", "read", "auth/approle/role", ("list",)),
    ("rights", "read", "auth/jwt/cel/role", ("list",)),
    ("rights", "read", "auth/jwt/config", ("read",)),
    ("rights", "read", "auth/token/accessors", ("list", "sudo")),
    ("rights", "read", "auth/token/lookup-accessor", ("update",)),
    ("rights", "change", "auth/token/revoke-accessor", ("update",)),
    ("records", "read", "sys/audit", ("read", "sudo")),
    # The audit files hold digests; who searches them for a value has it digested here.
    ("records", "read", "sys/audit-hash/one", ("update",)),
    ("records", "read", "sys/audit-hash/two", ("update",)),
)


def openbao(power: str, policies: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Path and capabilities of a power; `policies` are the names that may be read where rights may."""
    yield from ((path, caps) for area, act, path, caps in _OPENBAO if allows(power, area, act))
    if allows(power, "rights", "read"):
        yield from ((f"sys/policies/acl/{name}", ("read",)) for name in policies)


#: Database role of a power, as a name in PostgreSQL.
def database_role(power: str) -> str:
    """`yrd_system`: a group role without a login; OpenBao lends logins that are its members."""
    return f"yrd_{power.partition('-')[0]}"


#: (area, act, right): what is granted to the group role, in PostgreSQL's words. The logins of a dataset's own service are
#: not among them, and no right reaches a table with people.
_POSTGRES: tuple[tuple[str, Act, str], ...] = (
    ("workloads", "read", "pg_read_all_stats"),
    ("workloads", "change", "pg_signal_backend"),
    ("rights", "read", "EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules()"),
    ("rights", "read", "SELECT ON pg_catalog.pg_hba_file_rules"),
    ("records", "read", "pg_read_all_settings"),
)


def database_grants(power: str) -> tuple[str, ...]:
    """What follows `GRANT` for a power's group role."""
    return tuple(right for area, act, right in _POSTGRES if allows(power, area, act))


#: (area, act, role of the realm's client `realm-management`). Whoever sees clients sees their secrets: nobody does.
_KEYCLOAK: tuple[tuple[str, Act, str], ...] = (
    ("people", "read", "view-users"),
    ("people", "read", "query-users"),
    ("people", "read", "query-groups"),
    ("people", "change", "manage-users"),
    ("policies", "read", "view-realm"),
    ("policies", "read", "view-identity-providers"),
    ("records", "read", "view-events"),
)


def realm_management(power: str) -> tuple[str, ...]:
    """Roles of a realm's own client `realm-management` that a power carries; none for every other role."""
    return tuple(role for area, act, role in _KEYCLOAK if allows(power, area, act))

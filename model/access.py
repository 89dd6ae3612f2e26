"""Policies and AppRoles of a site's OpenBao: one per service, exact paths only, no wildcard (CE-22). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from model import authority, logins, pki
from model.derive import MachinePlan, ProvincePlan, Site
from model.identity import POWERS
from model.names import EXCHANGE_CLIENT, PUBLIC, page_client

#: Families of policies that belong to us. A name outside of them is another's and is left alone.
FAMILIES = ("deployer", "kms", "signer", "certs", "exporter", "database", "custody", "drill", *POWERS)
DEPLOYER, KMS, SIGNER, EXPORTER, DATABASE = "deployer", "kms", "signer", "exporter", "database"
CUSTODY, DRILL = "custody", "drill"
TRANSIT, KV, APPROLE = "transit", "kv", "approle"
ETCD_KEY = "etcd"
#: To this key partners encrypt the share of theirs that the province keeps (docs/adr/0005-custody.md).
CUSTODY_KEY = "custody"

#: Seconds. A stolen token is worth little; a service logs in again by itself.
TOKEN_SECONDS, TOKEN_MAX_SECONDS = 1_200, 3_600

#: What every token may do to itself; written out because OpenBao's policy `default` carries wildcards.
SELF: Mapping[str, tuple[str, ...]] = {
    "auth/token/lookup-self": ("read",),
    "auth/token/renew-self": ("update",),
    "auth/token/revoke-self": ("update",),
}
MANAGE = ("create", "delete", "read", "update")


@dataclass(frozen=True)
class Policy:
    """Capabilities per exact path."""

    name: str
    grants: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def text(self) -> str:
        """HCL as OpenBao stores it; sorted, so that equal grants are equal texts."""
        return "".join(
            f'path "{path}" {{\n  capabilities = [{", ".join(f"{chr(34)}{c}{chr(34)}" for c in sorted(caps))}]\n}}\n'
            for path, caps in sorted(self.grants)
        )

    def widened(self, paths: Iterable[str]) -> Policy:
        """The same, with the right to delete `paths`: what `deployer` needs for a moment to clear strangers away."""
        return self.lent(dict.fromkeys(paths, ("delete", "read")))

    def lent(self, grants: Mapping[str, tuple[str, ...]]) -> Policy:
        """The same, and `grants` besides; a path that it has already keeps what it may do with it."""
        held = dict(self.grants)
        more = {path: tuple(sorted({*held.get(path, ()), *may})) for path, may in grants.items()}
        return Policy(self.name, tuple({**held, **more}.items()))


@dataclass(frozen=True)
class AppRole:
    """How a service proves who it is. `networks` are the addresses that it may come from; empty for any."""

    name: str
    policy: str
    networks: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"auth/{APPROLE}/role/{self.name}"

    def fields(self) -> dict[str, object]:
        return {
            "bind_secret_id": True,
            "secret_id_bound_cidrs": list(self.networks),
            "secret_id_num_uses": 0,
            "secret_id_ttl": 0,
            "token_bound_cidrs": list(self.networks),
            "token_explicit_max_ttl": 0,
            "token_max_ttl": TOKEN_MAX_SECONDS,
            "token_no_default_policy": True,
            "token_num_uses": 0,
            "token_period": 0,
            "token_policies": [self.policy],
            "token_ttl": TOKEN_SECONDS,
            "token_type": "default",
        }


def ours(policy: str) -> bool:
    """Whether a policy's name is one of our families: `certs-shanghai-1` is, `root` is not."""
    return any(policy == family or policy.startswith(f"{family}-") for family in FAMILIES)


def certs(machine: str) -> str:
    """`certs-shanghai-1`: the credential with which one machine renews its own certificates."""
    return f"certs-{machine}"


def machine_roles(site: Site, machine: MachinePlan, roles: tuple[pki.PkiRole, ...]) -> tuple[pki.PkiRole, ...]:
    """The roles whose keys live on `machine`. A worker has none: the signer certifies its kubelet."""
    if not isinstance(site, ProvincePlan):
        return roles if machine == site.head else ()
    kubeadm = {(r.mount, r.name) for r in pki.kubeadm_roles(site)} if machine in pki.control_planes(site) else set()
    services = (
        {"openbao", "exporter", "exporter-api", "signer", "custody", "identity"} if machine == site.head else set()
    )
    return tuple(r for r in roles if (r.mount, r.name) in kubeadm or r.name in services)


def services(site: Site, roles: tuple[pki.PkiRole, ...]) -> tuple[Policy, ...]:
    """Policies of everything that runs, without the deployer's."""
    machines = tuple((m, machine_roles(site, m, roles)) for m in site.machines)
    signing = tuple(_policy(certs(m.name), _signs(own)) for m, own in machines if own)
    if not isinstance(site, ProvincePlan):
        return signing
    nodes = tuple(r for r in roles if r.name in ("kubelet.conf", "kubelet-serving"))
    secrets = {kv_data(name): ("read",) for name in pki.databases(site)}
    return (
        *signing,
        _policy(KMS, _transit()),
        _policy(SIGNER, _signs(nodes)),
        _policy(EXPORTER, {"sys/audit": ("read", "sudo"), "sys/metrics": ("read",)}),
        *((_policy(DATABASE, secrets),) if secrets else ()),
        _policy(CUSTODY, {f"{TRANSIT}/decrypt/{CUSTODY_KEY}": ("update",), "sys/storage/raft/snapshot": ("read",)}),
    )


def people(policies: Iterable[str]) -> tuple[Policy, ...]:
    """Policies of the three powers, who may read the rules by name where rights are theirs to read."""
    known = tuple(sorted({*policies, *POWERS}))
    return tuple(_policy(power, dict(authority.openbao(power, known))) for power in POWERS)


def drill(policies: Iterable[Policy], authorities: Iterable[pki.Authority], keys: Sequence[str]) -> Policy:
    """Reads, for the length of a restore drill, every version of all that some policy gives to somebody."""
    names = {
        path.removeprefix(f"{KV}/data/") for p in policies for path, _ in p.grants if path.startswith(f"{KV}/data/")
    }
    folders = {"", *(f"/{name.rpartition('/')[0]}" for name in names if "/" in name)}
    grants = dict.fromkeys((f"{KV}/metadata{folder}" for folder in folders), ("list",))
    grants |= {f"{KV}/{part}/{name}": ("read",) for name in names for part in ("data", "metadata")}
    grants |= {f"{TRANSIT}/keys": ("list",), **{f"{TRANSIT}/keys/{key}": ("read",) for key in keys}}
    grants |= {f"{TRANSIT}/hmac/{key}": ("update",) for key in keys}
    for owner in authorities:
        grants |= {f"{owner.mount}/{part}": ("list",) for part in ("issuers", "keys")}
        grants |= {f"{owner.mount}/config/issuers": ("read",)}
    return _policy(DRILL, grants)


def deployer(site: Site, authorities: tuple[pki.Authority, ...], roles: tuple[pki.PkiRole, ...]) -> Policy:
    """May look at and correct exactly what the plan lists. It may not mount, unmount, or make or replace a CA."""
    names = (DEPLOYER, *(p.name for p in services(site, roles)))
    grants = _reading(authorities) | _approles(names) | {f"sys/policies/acl/{n}": MANAGE for n in names}
    grants |= {role.path: MANAGE for role in roles}
    # For the spare with which a rebuilt machine shows that it is this site's before it is open.
    grants |= _signs(r for r in roles if r.name == "openbao")
    mounts = tuple(a.mount for a in authorities)
    if isinstance(site, ProvincePlan):
        mounts = (*mounts, TRANSIT, KV)
        grants |= _logins() | {f"sys/policies/acl/{name}": MANAGE for name in (*POWERS, DRILL)} | _approles((DRILL,))
        grants |= {f"{TRANSIT}/keys/{ETCD_KEY}": ("read",), f"{TRANSIT}/keys/{ETCD_KEY}/config": ("update",)}
        grants |= {f"{TRANSIT}/keys/{CUSTODY_KEY}": ("read",), f"{TRANSIT}/keys/{CUSTODY_KEY}/config": ("update",)}
        grants |= {f"{TRANSIT}/keys/{ETCD_KEY}/rotate": ("update",), f"{pki.MESH}/root/sign-intermediate": ("update",)}
        held = (*pki.databases(site), EXCHANGE_CLIENT, *(page_client(s.name) for s in site.offers))
        grants |= {kv_data(name): ("create", "read", "update") for name in held}
        grants |= {first_password(name): ("create", "read", "update") for name in site.people}
        gateways = ("exchange-ingress", "exchange-egress", PUBLIC)
        grants |= _signs(r for r in roles if r.name in gateways or r.name in pki.databases(site))
    grants |= {f"sys/mounts/{mount}/tune": ("read", "update") for mount in mounts}
    return _policy(DEPLOYER, grants)


def approles(site: Site, policies: tuple[Policy, ...]) -> tuple[AppRole, ...]:
    """One per policy. Services log in from their own site only; the deployer comes from wherever `yrd` runs."""
    networks = ("127.0.0.1/32", *(f"{m.address}/32" for m in site.machines))
    return tuple(AppRole(p.name, p.name, () if p.name == DEPLOYER else networks) for p in policies)


def kv_data(name: str) -> str:
    """`kv/data/population-database`: where version 2 of the key-value store keeps a secret's value."""
    return f"{KV}/data/{name}"


def first_password(person: str) -> str:
    """`kv/data/person-anhui-system`: the first password of somebody, and in environments with samples the second factor."""
    return kv_data(f"person-{person}")


def _policy(name: str, grants: Mapping[str, tuple[str, ...]]) -> Policy:
    return Policy(name, tuple(sorted({**SELF, **grants}.items())))


def _signs(roles: Iterable[pki.PkiRole]) -> dict[str, tuple[str, ...]]:
    return {role.sign_path: ("update",) for role in roles}


def _transit() -> dict[str, tuple[str, ...]]:
    return {
        f"{TRANSIT}/encrypt/{ETCD_KEY}": ("update",),
        f"{TRANSIT}/decrypt/{ETCD_KEY}": ("update",),
        f"{TRANSIT}/keys/{ETCD_KEY}": ("read",),
    }


def _reading(authorities: tuple[pki.Authority, ...]) -> dict[str, tuple[str, ...]]:
    """What a look and the audit need: lists, the audit devices, and whether a root token is alive."""
    lists = {f"{a.mount}/roles": ("list",) for a in authorities}
    return lists | {
        "sys/mounts": ("read",),
        "sys/auth": ("read",),
        "sys/audit": ("read", "sudo"),
        "sys/policies/acl": ("list",),
        f"auth/{APPROLE}/role": ("list",),
        "auth/token/accessors": ("list", "sudo"),
        "auth/token/lookup-accessor": ("update",),
        # Worth nothing without three recovery keys, which are kept apart from this credential.
        "sys/generate-root-token/attempt": ("create", "delete", "read", "sudo", "update"),
        "sys/generate-root-token/update": ("create", "sudo", "update"),
    }


def _logins() -> dict[str, tuple[str, ...]]:
    """To make the method by which people log in, and to keep it as declared. It holds no data: it may be made late."""
    return {
        f"sys/auth/{logins.MOUNT}": ("create", "read", "sudo", "update"),
        f"{logins.AUTH}/config": ("read", "update"),
        logins.ROLES: ("list",),
        logins.PLAIN_ROLES: ("list",),
        f"sys/auth/{logins.MOUNT}/tune": ("read", "sudo", "update"),
        **{f"{logins.ROLES}/{power}": MANAGE for power in POWERS},
    }


def _approles(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """To manage an AppRole and to hand out its credential; never to read one that was handed out."""
    grants: dict[str, tuple[str, ...]] = {}
    for name in names:
        path = f"auth/{APPROLE}/role/{name}"
        grants |= {
            path: MANAGE,
            f"{path}/role-id": ("read",),
            f"{path}/secret-id": ("list", "update"),
            f"{path}/secret-id-accessor/lookup": ("update",),
            f"{path}/secret-id-accessor/destroy": ("update",),
        }
    return grants

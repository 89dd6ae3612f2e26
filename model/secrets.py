"""What a site's OpenBao is to hold, derived from the plan: mounts, authorities, roles, keys, policies, AppRoles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model import access, logins, pki
from model.derive import Plan, ProvincePlan, Site
from model.errors import BadInputError


@dataclass(frozen=True)
class Mount:
    """A secrets engine. `hours` bounds every certificate of it; 0 leaves OpenBao's own limit."""

    path: str
    type: Literal["pki", "transit", "kv"]
    hours: int = 0

    def fields(self) -> dict[str, object]:
        """Body of `sys/mounts/<path>`."""
        body: dict[str, object] = {"type": self.type, "config": self.tuning()}
        return body | ({"options": {"version": "2"}} if self.type == "kv" else {})

    def tuning(self) -> dict[str, object]:
        """What may drift after the mount was made."""
        return {"max_lease_ttl": self.hours * 3600} if self.hours else {}


@dataclass(frozen=True)
class TransitKey:
    """A key that never leaves OpenBao."""

    mount: str
    name: str
    type: str = "aes256-gcm96"

    @property
    def path(self) -> str:
        return f"{self.mount}/keys/{self.name}"

    def guarded(self) -> dict[str, object]:
        """Settings that would let the key out or away; both must stay off."""
        return {"deletion_allowed": False, "exportable": False, "allow_plaintext_backup": False}


@dataclass(frozen=True)
class MeshIssuer:
    """The CA that istiod signs workloads with: its request is made at deployment and signed by `pki-mesh`."""

    path: str
    common_name: str
    hours: int

    def fields(self, csr: str) -> dict[str, object]:
        """Body of `<mount>/root/sign-intermediate`; path length 0, so that it can sign leaves and nothing else."""
        return {
            "csr": csr,
            "common_name": self.common_name,
            "ttl": f"{self.hours}h",
            "max_path_length": 0,
            "exclude_cn_from_sans": True,
            "use_csr_values": False,
            "format": "pem",
        }


@dataclass(frozen=True)
class SecretsSpec:
    """Everything that one OpenBao is to hold. Holds no secret itself."""

    site: str
    mounts: tuple[Mount, ...]
    authorities: tuple[pki.Authority, ...]
    roles: tuple[pki.PkiRole, ...]
    keys: tuple[TransitKey, ...]
    policies: tuple[access.Policy, ...]
    approles: tuple[access.AppRole, ...]
    mesh: MeshIssuer | None
    login: logins.Login | None

    def role(self, mount: str, name: str) -> pki.PkiRole:
        """Raises KeyError for a role that the plan does not have."""
        return {(r.mount, r.name): r for r in self.roles}[mount, name]


def secrets_spec(plan: Plan, site: Site) -> SecretsSpec:
    """The specification of one site. Raises BadInputError (E163) when a certificate would live too long."""
    authorities, roles = pki.authorities(site), pki.roles(plan, site)
    policies = (access.deployer(site, authorities, roles), *access.services(site, roles))
    approles = access.approles(site, policies)
    province = isinstance(site, ProvincePlan)
    if province:
        policies = (*policies, *access.people(p.name for p in policies))
        policies = (*policies, access.drill(policies, authorities, [k.name for k in _transit_keys()]))
        approles = (*approles, access.AppRole(access.DRILL, access.DRILL))
    engines = (Mount(access.TRANSIT, "transit"), Mount(access.KV, "kv")) if province else ()
    issuer = MeshIssuer(f"{pki.MESH}/root/sign-intermediate", f"istiod.{site.trust_domain}", pki.MESH_ISSUER_HOURS)
    spec = SecretsSpec(
        site=site.name,
        mounts=(*(Mount(a.mount, "pki", pki.ANCHOR_HOURS) for a in authorities), *engines),
        authorities=authorities,
        roles=roles,
        keys=_transit_keys() if province else (),
        policies=policies,
        approles=approles,
        mesh=issuer if province else None,
        login=logins.login(plan, site) if isinstance(site, ProvincePlan) else None,
    )
    if found := faults(spec):
        raise BadInputError("E163", "；".join(zh for zh, _ in found), "; ".join(en for _, en in found), *_FIX)
    return spec


def _transit_keys() -> tuple[TransitKey, ...]:
    custody = TransitKey(access.TRANSIT, access.CUSTODY_KEY, "rsa-3072")
    return TransitKey(access.TRANSIT, access.ETCD_KEY), custody


def faults(spec: SecretsSpec) -> tuple[tuple[str, str], ...]:
    """Everything that a specification must not contain, as (zh, en): long-lived leaves (CE-58), wildcards (CE-22)."""
    long = [(r.path, r.hours) for r in spec.roles if r.hours > pki.LEAF_HOURS]
    unstored = [(r.path, r.hours) for r in spec.roles if not r.stored and r.hours > pki.UNSTORED_HOURS]
    wide = [(p.name, path) for p in spec.policies for path, _ in p.grants if "*" in path or "+" in path]
    open_ = [r.path for r in spec.roles if any("*" in name for name in (*r.common_names, *r.dns, *r.uris))]
    limit = pki.LEAF_HOURS
    return (
        *(
            (f"{spec.site} {p} 有效期 {h}h 超过 {limit}h", f"{spec.site} {p}: leaf life {h}h > {limit}h")
            for p, h in long
        ),
        *(
            (f"{spec.site} {p} 不留存，有效期 {h}h 过长", f"{spec.site} {p}: not stored, {h}h is too long")
            for p, h in unstored
        ),
        *((f"策略 {n} 含通配路径 {p}", f"policy {n} has a wildcard path {p}") for n, p in wide),
        *((f"{p} 含通配名称", f"{p} has a wildcard name") for p in open_),
    )


_FIX = ("缩短 gateway-certificate-days 或写明确切名称", "shorten gateway-certificate-days, or write the exact name")

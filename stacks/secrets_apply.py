"""OpenBao of a site: look, decide, do.

    look(client, spec)        what is there; reads only
    decide(spec, observed)    what must change, in order; pure
    do(client, action)        one change

A role, policy or AppRole that was changed by hand is written back, one that nobody declared is deleted. What holds data
(a mount, a CA, a key) is made once, with the root token of the first configuration; missing later, it is a loss to be
restored and never silently made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from clients import keys
from clients.openbao import Data, DeniedError, OpenBao
from model import access, logins
from model.errors import YrdError
from model.pki import Authority
from model.secrets import SecretsSpec
from stacks.differences import differences

POLICIES = "sys/policies/acl"
APPROLES = f"auth/{access.APPROLE}/role"
BUILT_IN_MOUNTS = frozenset({"cubbyhole", "identity", "sys"})
BUILT_IN_POLICIES = frozenset({"default", "root"})


class LostError(YrdError):
    """Something that holds data is gone or is another one."""

    def __init__(self, site: str, what: tuple[str, ...]) -> None:
        shown = ", ".join(what)
        super().__init__("E307", f"{site} 的密钥库缺失或被替换：{shown}", f"{site}: lost or replaced: {shown}", *_FIX)


_FIX = (
    "从快照恢复；若为规划新增，按 docs/adr/0002-unseal.md 生成根令牌后重试",
    "restore the snapshot; if the plan added it, make a root token (docs/adr/0002-unseal.md) and repeat",
)


@dataclass(frozen=True)
class Observed:
    """What one look saw. Paths and mounts are written without a trailing slash."""

    first: bool
    """The session is the root token of the first configuration."""
    mounts: Mapping[str, Data]
    methods: Mapping[str, Data]
    """Ways to log in."""
    certificates: Mapping[str, str]
    anchors: Mapping[str, str]
    """All roots of a mount, two while it is rotated: an intermediate may still be the old one's."""
    live: Mapping[str, Data]
    undeclared: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """One change. `differs` names the fields that are not as declared; none when the whole thing is not there."""

    verb: Literal["write", "delete", "intermediate"]
    path: str
    data: Mapping[str, object] = field(default_factory=dict)
    differs: tuple[str, ...] = ()


def wanted(spec: SecretsSpec) -> dict[str, Mapping[str, object]]:
    """Path to fields of everything that may be written back. The deployer's policy is first: the rest needs it."""
    return {
        **{f"{POLICIES}/{policy.name}": {"policy": policy.text} for policy in spec.policies},
        **{role.path: role.fields() for role in spec.roles},
        **{approle.path: approle.fields() for approle in spec.approles},
        **({role.path: role.fields() for role in spec.login.roles} if spec.login else {}),
    }


def look(client: OpenBao, spec: SecretsSpec) -> Observed:
    """Everything that `decide` compares. Some 60 reads, a few milliseconds each."""
    token = client.read("auth/token/lookup-self") or {}
    mounts = {path.rstrip("/"): row for path, row in (client.read("sys/mounts") or {}).items()}
    methods = {path.rstrip("/"): row for path, row in (client.read("sys/auth") or {}).items()}
    auths = frozenset(methods)
    policies = client.list(POLICIES)
    keys_ = {key.path: client.read(key.path) for key in spec.keys if key.mount in mounts}
    there = {path: _seen(client, path) for path in wanted(spec) if _mounted(path, mounts, auths)}
    return Observed(
        first="root" in token.get("policies", ()),
        mounts=mounts,
        methods=methods,
        certificates={a.mount: client.public(a.mount) for a in spec.authorities if a.mount in mounts},
        anchors={a.mount: client.anchors(a.mount) for a in spec.authorities if a.mount in mounts and not a.parent},
        live={path: data for path, data in {**keys_, **there}.items() if data is not None},
        undeclared=_undeclared(client, spec, mounts, auths, policies),
        policies=policies,
    )


def _seen(client: OpenBao, path: str) -> Data | None:
    """None also where the deployer's policy, still that of an older plan, does not let it look: it will write."""
    try:
        return client.read(path)
    except DeniedError:
        return None


def _listed(client: OpenBao, path: str) -> tuple[str, ...]:
    try:
        return client.list(path)
    except DeniedError:
        return ()


def _mounted(path: str, mounts: Mapping[str, Data], auths: frozenset[str]) -> bool:
    first, second = path.split("/")[:2]
    return first == "sys" or first in mounts or (first == "auth" and second in auths)


def _undeclared(
    client: OpenBao, spec: SecretsSpec, mounts: Mapping[str, Data], auths: frozenset[str], policies: tuple[str, ...]
) -> tuple[str, ...]:
    """Roles and AppRoles in what is ours, and policies of our families, that the plan does not have."""
    found = [f"{POLICIES}/{name}" for name in policies if access.ours(name)]
    for authority in spec.authorities:
        if authority.mount in mounts:
            found += [f"{authority.mount}/roles/{name}" for name in client.list(f"{authority.mount}/roles")]
    if access.APPROLE in auths:
        found += [f"{APPROLES}/{name}" for name in client.list(APPROLES)]
    if spec.login and logins.MOUNT in auths:
        found += [f"{path}/{n}" for path in (logins.ROLES, logins.PLAIN_ROLES) for n in _listed(client, path)]
    declared = wanted(spec)
    return tuple(path for path in found if path not in declared)


def decide(spec: SecretsSpec, observed: Observed) -> tuple[Action, ...]:
    """The changes that make `observed` equal `spec`, in order; none when it is. Raises LostError."""
    if lost := _lost(spec, observed):
        raise LostError(spec.site, lost)
    made = tuple(_missing(spec, observed)) if observed.first else ()
    written = (*_tuned(spec, observed), *_written(spec, observed))
    return (*made, *written, *_cleared(spec, observed))


def _lost(spec: SecretsSpec, observed: Observed) -> tuple[str, ...]:
    """What cannot be mended by writing: absent data, a CA that is not the declared one, a key that may leave."""
    absent = [] if observed.first else _absent(spec, observed)
    foreign = [a.mount for a in spec.authorities if not _is(a, observed)]
    leaking = [
        f"{key.path} ({name})"
        for key in spec.keys
        for name in ("exportable", "allow_plaintext_backup")
        if observed.live.get(key.path, {}).get(name)
    ]
    return (*absent, *foreign, *leaking)


def _absent(spec: SecretsSpec, observed: Observed) -> list[str]:
    auth = [] if access.APPROLE in observed.methods else [f"auth/{access.APPROLE}"]
    mounts = [m.path for m in spec.mounts if m.path not in observed.mounts]
    authorities = [a.mount for a in spec.authorities if a.mount not in mounts and not observed.certificates[a.mount]]
    return auth + mounts + authorities + [k.path for k in spec.keys if k.path not in observed.live]


def _is(authority: Authority, observed: Observed) -> bool:
    """Whether the CA there is the declared one: its name, and its parent's signature. Absent is another question."""
    pem = observed.certificates.get(authority.mount)
    if not pem:
        return True
    certificate = keys.load_certificate(pem)
    signers = observed.anchors.get(authority.parent or authority.mount, "")
    named = keys.subject_of(certificate).common_name == authority.common_name
    return named and bool(signers) and any(keys.issued_by(certificate, s) for s in keys.load_chain(signers))


def _missing(spec: SecretsSpec, observed: Observed) -> Iterator[Action]:
    """Auth method, mounts, authorities (parents first) and keys that are not there yet."""
    if access.APPROLE not in observed.methods:
        yield Action("write", f"sys/auth/{access.APPROLE}", {"type": "approle"})
    yield from (
        Action("write", f"sys/mounts/{m.path}", m.fields()) for m in spec.mounts if m.path not in observed.mounts
    )
    yield from (_authority(a) for a in spec.authorities if not observed.certificates.get(a.mount))
    for key in spec.keys:
        if key.path not in observed.live:
            yield Action("write", key.path, {"type": key.type, "exportable": False, "allow_plaintext_backup": False})


def _authority(authority: Authority) -> Action:
    body = {
        "common_name": authority.common_name,
        "ttl": f"{authority.hours}h",
        "max_path_length": authority.path_length,
        "exclude_cn_from_sans": True,
    }
    if authority.parent:
        return Action("intermediate", authority.mount, {**body, "parent": authority.parent})
    return Action("write", f"{authority.mount}/root/generate/internal", {**body, **P256})


P256 = {"key_type": "ec", "key_bits": 256}


def _tuned(spec: SecretsSpec, observed: Observed) -> Iterator[Action]:
    """Limits of mounts and settings of keys that were changed after they were made."""
    for mount in spec.mounts:
        if differs := differences(mount.tuning(), observed.mounts.get(mount.path, {}).get("config", mount.tuning())):
            yield Action("write", f"sys/mounts/{mount.path}/tune", mount.tuning(), differs)
    for key in spec.keys:
        if observed.live.get(key.path, {}).get("deletion_allowed"):
            yield Action("write", f"{key.path}/config", {"deletion_allowed": False}, ("deletion_allowed",))


def _written(spec: SecretsSpec, observed: Observed) -> Iterator[Action]:
    """Policies first; then the method by which people log in, which holds no data and may be made late; then the rest."""
    made = False
    for path, fields in wanted(spec).items():
        if spec.login and not made and not path.startswith(POLICIES):
            yield from _method(spec.login, observed)
            made = True
        live = observed.live.get(path)
        if live is None:
            yield Action("write", path, fields)
        elif differs := differences(fields, live):
            yield Action("write", path, fields, differs)


def _method(login: logins.Login, observed: Observed) -> Iterator[Action]:
    live = observed.methods.get(logins.MOUNT)
    if live is None:
        yield Action("write", f"sys/auth/{logins.MOUNT}", login.mount())
    elif differs := differences(login.tuning(), live.get("config", {})):
        yield Action("write", f"sys/auth/{logins.MOUNT}/tune", login.tuning(), differs)


def _cleared(spec: SecretsSpec, observed: Observed) -> Iterator[Action]:
    """Deletions. The deployer may touch exact paths only, so it lends itself the right and gives it back."""
    if not observed.undeclared:
        return
    own = spec.policies[0]
    path = f"{POLICIES}/{own.name}"
    if not observed.first:
        yield Action("write", path, {"policy": own.widened(observed.undeclared).text}, ("policy",))
    yield from (Action("delete", undeclared) for undeclared in observed.undeclared)
    if not observed.first:
        yield Action("write", path, {"policy": own.text}, ("policy",))


def foreign(spec: SecretsSpec, observed: Observed) -> tuple[str, ...]:
    """What is not ours and is left alone, for the audit: other mounts, ways to log in, policies."""
    mounts = set(observed.mounts) - {m.path for m in spec.mounts} - BUILT_IN_MOUNTS
    auths = set(observed.methods) - {access.APPROLE, logins.MOUNT if spec.login else "", "token"}
    policies = [name for name in observed.policies if not access.ours(name) and name not in BUILT_IN_POLICIES]
    return (*sorted(mounts), *sorted(f"auth/{a}" for a in auths), *(f"{POLICIES}/{name}" for name in policies))


def do(client: OpenBao, action: Action) -> None:
    """Make one change."""
    if action.verb == "delete":
        client.delete(action.path)
    elif action.verb == "intermediate":
        _intermediate(client, action.path, dict(action.data))
    else:
        client.write(action.path, action.data)


def _intermediate(client: OpenBao, mount: str, body: Data) -> None:
    """A CA whose key is born in its mount and whose request its parent signs."""
    parent = body.pop("parent")
    made = {"common_name": body["common_name"], "exclude_cn_from_sans": True, **P256}
    csr = client.write(f"{mount}/intermediate/generate/internal", made)["csr"]
    signed = client.sign(f"{parent}/root/sign-intermediate", {**body, "csr": csr})
    client.write(f"{mount}/intermediate/set-signed", {"certificate": signed.bundle + signed.anchor})


def apply(client: OpenBao, spec: SecretsSpec) -> tuple[Action, ...]:
    """Look, decide, do, and look again when something was done. Returns what was done."""
    actions = decide(spec, look(client, spec))
    for action in actions:
        do(client, action)
    if actions and (left := decide(spec, look(client, spec))):
        shown = ", ".join(f"{a.path} {' '.join(a.differs)}".strip() for a in left)
        raise YrdError(
            "E308", f"{spec.site} 写入后仍不一致：{shown}", f"{spec.site}: written, and still other: {shown}"
        )
    return actions

"""Two roots in one OpenBao for a while: make the new one beside the old, switch to it, destroy the old one's keys.

Every function finds out what is done already, and may be killed anywhere: the next call finishes it. What is old is told
by the certificate that was remembered, never by an order or a name that a killed run may have left otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from clients import keys
from clients.failpoint import failpoint
from clients.openbao import OpenBao
from model.errors import YrdError
from model.pki import ROOT, Authority
from model.secrets import SecretsSpec
from stacks.secrets_apply import P256, POLICIES


@dataclass(frozen=True)
class Issuer:
    """One CA certificate in a mount; an anchor that came with a chain is one, too, without a key."""

    mount: str
    id: str
    certificate: str

    @property
    def path(self) -> str:
        return f"{self.mount}/issuer/{self.id}"

    def under(self, root: str) -> bool:
        """Whether it is `root` or signed by it."""
        return keys.issued_by(keys.load_certificate(self.certificate), keys.load_certificate(root))


def issuers(client: OpenBao, mount: str) -> tuple[Issuer, ...]:
    return tuple(Issuer(mount, name, client.issuer(mount, name)) for name in client.list(f"{mount}/issuers"))


@contextmanager
def lent(client: OpenBao, spec: SecretsSpec, grants: Mapping[str, tuple[str, ...]]) -> Iterator[None]:
    """The deployer lends itself exact paths and gives them back; after a kill the next `up` takes them from it."""
    own = spec.policies[0]
    path = f"{POLICIES}/{own.name}"
    client.write(path, {"policy": own.lent(grants).text})
    try:
        yield
    finally:
        client.write(path, {"policy": own.text})


def family(spec: SecretsSpec, anchor: str = ROOT) -> tuple[Authority, ...]:
    """An anchor and what stands below it."""
    return tuple(a for a in spec.authorities if anchor in (a.mount, a.parent))


def newer(client: OpenBao, authority: Authority, old: str) -> Issuer | None:
    """The issuer of a mount that has a key and is not of the old root; None while there is none."""
    found = [i for i in issuers(client, authority.mount) if not i.under(old)]
    return next((i for i in found if keys.self_signed(i.certificate) != bool(authority.parent)), None)


def make(client: OpenBao, spec: SecretsSpec, old: str, anchor: str = ROOT) -> None:
    """A new root and an intermediate of it in each mount below. Nothing signs with them yet."""
    root, *below = family(spec, anchor)
    with lent(client, spec, {f"{root.mount}/root/rotate/internal": ("update",)}):
        if newer(client, root, old) is None:
            client.write(f"{root.mount}/root/rotate/internal", {**_body(root), **P256})
            failpoint("rotate-root-made")
    made = newer(client, root, old)
    assert made  # noqa: S101 - just made
    grants = {f"{made.path}/sign-intermediate": ("update",)}
    grants |= {
        f"{a.mount}/intermediate/{step}": ("update",) for a in below for step in ("generate/internal", "set-signed")
    }
    with lent(client, spec, grants):
        for authority in below:
            if newer(client, authority, old) is None:
                _intermediate(client, authority, made)


def _intermediate(client: OpenBao, authority: Authority, root: Issuer) -> None:
    request = {"common_name": authority.common_name, "exclude_cn_from_sans": True, **P256}
    csr = client.write(f"{authority.mount}/intermediate/generate/internal", request)["csr"]
    failpoint("rotate-intermediate-asked")
    signed = client.sign(f"{root.path}/sign-intermediate", {**_body(authority), "csr": csr})
    client.write(f"{authority.mount}/intermediate/set-signed", {"certificate": signed.bundle + root.certificate})


def _body(authority: Authority) -> dict[str, object]:
    return {
        "common_name": authority.common_name,
        "ttl": f"{authority.hours}h",
        "max_path_length": authority.path_length,
        "exclude_cn_from_sans": True,
    }


def switch(client: OpenBao, spec: SecretsSpec, old: str, anchor: str = ROOT) -> None:
    """From now on everything is signed below the new root: the root last, so that no intermediate stands without one."""
    members = family(spec, anchor)[::-1]
    with lent(client, spec, {f"{a.mount}/config/issuers": ("read", "update") for a in members}):
        for authority in members:
            mount, made = authority.mount, newer(client, authority, old)
            assert made  # noqa: S101 - `make` came before
            if (client.read(f"{mount}/config/issuers") or {})["default"] != made.id:
                client.write(f"{mount}/config/issuers", {"default": made.id})
                failpoint("rotate-switched")


def retire(client: OpenBao, spec: SecretsSpec, old: str, anchor: str = ROOT) -> None:
    """Delete the old root, what it signed, and every key that no issuer uses: nobody can sign below it any more."""
    mounts = [a.mount for a in reversed(family(spec, anchor))]
    found = [i for mount in mounts for i in issuers(client, mount)]
    gone, kept = [i for i in found if i.under(old)], [i for i in found if not i.under(old)]
    if old_ones := [mount for mount in mounts if Issuer(mount, "", client.public(mount)).under(old)]:
        shown = ", ".join(old_ones)
        raise YrdError("E342", f"仍由旧根签发：{shown}", f"still signing below the old root: {shown}")
    looking = {i.path: ("read", "delete") for i in found} | {f"{mount}/keys": ("list",) for mount in mounts}
    with lent(client, spec, looking):
        used = {str((client.read(i.path) or {}).get("key_id") or "") for i in kept}
        left = [f"{mount}/key/{key}" for mount in mounts for key in client.list(f"{mount}/keys") if key not in used]
        for issuer in gone:
            client.delete(issuer.path)
            failpoint("rotate-issuer-deleted")
    with lent(client, spec, dict.fromkeys(left, ("delete",))):
        for path in left:
            client.delete(path)

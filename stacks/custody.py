"""What a site hands to its neighbours so that its OpenBao opens again, and what a province keeps of its neighbours.

    look(plan, site)        public material and the machine's files
    decide(...)             what is missing, in words; pure
    do                      deposit(plan, site), keep(plan, site)

A site encrypts each keeper's share to that keeper's key and publishes it; every province fetches what is meant for it. No
credential of one province is ever used by another (D5). See docs/adr/0005-custody.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clients import journal, keys, openbao, ssh, state
from model import access, custody, pki
from model.derive import Plan, ProvincePlan, Site
from model.errors import YrdError
from model.secrets import secrets_spec
from stacks import secrets_custody, secrets_issue

FOLDER = "/etc/yrd/custody"
RECIPIENT = "/etc/yrd/custody-recipient.pem"
USER = "yrd-custody"


@dataclass(frozen=True)
class Deposit:
    """A share for one keeper. `key` says for which of the keeper's keys it is encrypted."""

    key: str
    share: str

    @staticmethod
    def load(path: Path) -> Deposit | None:
        return Deposit(**json.loads(path.read_text())) if path.exists() else None


class UndepositedError(YrdError):
    """A keeper has another key now, and the plain share is no longer here."""

    def __init__(self, site: str, keeper: str) -> None:
        super().__init__(
            "E317",
            f"{keeper} 更换了托管密钥，而 {site} 的明文份额已不在本机",
            f"{keeper} has another custody key, and the plain share of {site} is no longer here",
            f"yrd rotate unseal --province {site}",
            f"make new shares: yrd rotate unseal --province {site}",
        )


def keeper_key(env: str, keeper: str) -> Path:
    """Public half of a province's custody key; PEM."""
    return state.public(env, keeper) / "custody.pem"


def deposit_file(env: str, site: str, keeper: str) -> Path:
    return state.public(env, site) / "custody" / f"{keeper}.json"


def publish_key(plan: Plan, site: Site, client: openbao.OpenBao) -> None:
    """The public half of the key to which neighbours encrypt; the private one never leaves OpenBao."""
    found = client.read(f"{access.TRANSIT}/keys/{access.CUSTODY_KEY}") or {}
    versions = dict(found.get("keys") or {})
    newest = versions[max(versions, key=int)]
    state.write_atomic(keeper_key(plan.environment.name, site.name), str(newest["public_key"]), 0o644)


def fingerprint(pem: str) -> str:
    return hashlib.sha256(pem.encode()).hexdigest()[:16]


def missing(wanted: Mapping[str, str], held: Mapping[str, str | None]) -> list[str]:
    """Names whose wanted digest is not the one that is held; pure."""
    return sorted(name for name, digest in wanted.items() if held.get(name) != digest)


def undeposited(plan: Plan, site: Site) -> list[str]:
    """Keepers that have a key and no share encrypted to it."""
    env = plan.environment.name
    if plan.environment.seal.type != "shamir":
        return []
    wanted = {
        k.name: fingerprint(keeper_key(env, k.name).read_text())
        for k in custody.keepers(plan, site)
        if keeper_key(env, k.name).exists()
    }
    deposits = {name: Deposit.load(deposit_file(env, site.name, name)) for name in wanted}
    return missing(wanted, {name: held.key if held else None for name, held in deposits.items()})


def undealt(plan: Plan, site: Site, shares: Path) -> list[str]:
    """Keepers whose share lies here in the clear: it is newer than what they were handed."""
    able = [k.name for k in custody.keepers(plan, site) if keeper_key(plan.environment.name, k.name).exists()]
    return [name for name in able if secrets_custody.keeper_share(shares, name)]


def deposit(plan: Plan, site: Site, shares: Path) -> None:
    """Encrypt each keeper's share to its key, publish that, forget the plain one. Raises UndepositedError."""
    env = plan.environment.name
    for keeper in dict.fromkeys((*undeposited(plan, site), *undealt(plan, site, shares))):
        share = secrets_custody.keeper_share(shares, keeper)
        if not share:
            raise UndepositedError(site.name, keeper)
        key = keeper_key(env, keeper).read_text()
        sealed = Deposit(fingerprint(key), keys.seal(key, share))
        state.write_atomic(deposit_file(env, site.name, keeper), json.dumps(sealed.__dict__) + "\n", 0o644)
        secrets_custody.forget_share(shares, keeper)
        journal.note("custody", site=site.name, what=f"{keeper} keeps a share")


def ward_files(plan: Plan, province: ProvincePlan) -> dict[str, str]:
    """Path below FOLDER to content, of everything that has been handed to `province`."""
    env, found = plan.environment.name, {}
    for ward in custody.wards(plan, province):
        held, root = Deposit.load(deposit_file(env, ward.name, province.name)), state.root_certificate(env, ward.name)
        if not root.exists():
            continue
        if held:
            row = {"site": ward.name, "url": ward.openbao_url, "share": held.share}
            found[f"{ward.name}.json"] = json.dumps(row) + "\n"
        found[f"{ward.name}.pem"] = root.read_text()
        if isinstance(ward, ProvincePlan):
            source = {"url": snapshot_url(plan, ward, ward.name), "signer": signer(ward)}
            found[f"{ward.name}.snapshot"] = json.dumps(source) + "\n"
    return found


def snapshot_url(plan: Plan, keeper: ProvincePlan, site: str) -> str:
    return f"https://{keeper.head.address}:{plan.world.region.ports.custody}/snapshots/{site}"


def signer(site: Site) -> str:
    """By this name the certificate is known with which a site's agent signs its snapshots."""
    return f"custody.{site.trust_domain}"


def unkept(plan: Plan, province: ProvincePlan) -> list[str]:
    """Files on the machine that are not what was handed over; one command."""
    wanted = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in ward_files(plan, province).items()}
    wanted |= {RECIPIENT: hashlib.sha256(recipient(plan, province).read_bytes()).hexdigest()}
    link = ssh.connect(plan.environment.name, province, province.head)
    said = link.run(f"sha256sum {FOLDER}/* {RECIPIENT} 2>/dev/null; true")
    rows = [line.split() for line in said.splitlines()]
    return missing(wanted, {path.removeprefix(f"{FOLDER}/"): digest for digest, path in rows})


def keep(plan: Plan, province: ProvincePlan) -> None:
    """Put what neighbours handed over, and the recipient of our own snapshots, where the agent reads it."""
    link = ssh.connect(plan.environment.name, province, province.head)
    files = ward_files(plan, province)
    for name in unkept(plan, province):
        if name == RECIPIENT:
            link.write(RECIPIENT, recipient(plan, province).read_text())
        else:
            link.write(f"{FOLDER}/{name}", files[name], owner=f"{USER}:{USER}", mode="0400")
    link.run("systemctl kill -s HUP yrd-custody.service 2>/dev/null; true")


def recipient(plan: Plan, site: Site) -> Path:
    """To whom the site's snapshots are encrypted: a certificate whose key lies with the site's operator alone."""
    folder = state.site(plan.environment.name, site.name)
    certificate = folder / "snapshots.pem"
    if not certificate.exists():
        key, text = keys.recipient(f"{site.name} snapshots")
        state.write_atomic(folder / "snapshots.key", key)
        state.write_atomic(certificate, text)
    return certificate


def spare(plan: Plan, site: Site, client: Callable[[], openbao.OpenBao]) -> bool:
    """Keep a server certificate beside the deployer's credential, for a machine that is rebuilt while its store is shut.

    Its neighbours give their shares to nobody who does not show one. Returns whether a new one was needed.
    """
    folder, root = (
        state.site(plan.environment.name, site.name),
        state.root_certificate(plan.environment.name, site.name),
    )
    held, anchor = folder / "spare.crt", root.read_text() if root.exists() else ""
    if held.exists() and not _stale(held.read_text(), anchor):
        return False
    pair = secrets_issue.pair(client(), secrets_spec(plan, site), pki.SERVER, "openbao")
    state.write_atomic(folder / "spare.key", pair.key)
    state.write_atomic(held, pair.certificate)
    return True


def spare_stale(plan: Plan, site: Site) -> bool:
    folder, root = (
        state.site(plan.environment.name, site.name),
        state.root_certificate(plan.environment.name, site.name),
    )
    held = folder / "spare.crt"
    return not held.exists() or _stale(held.read_text(), root.read_text() if root.exists() else "")


def _stale(chain: str, anchors: str) -> bool:
    try:
        leaf, above = keys.load_certificate(chain), keys.load_chain(chain)[-1]
        rooted = any(keys.issued_by(above, root) for root in keys.load_chain(anchors))
        return keys.due(leaf, datetime.now(UTC)) or not rooted
    except ValueError:
        return True

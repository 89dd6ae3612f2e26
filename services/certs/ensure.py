"""One run: authorities first, then every entry that is not fresh, then those who must know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from clients import keys
from clients.failpoint import failpoint
from clients.openbao import OpenBao
from model.errors import YrdError
from services.certs import held, place
from services.certs.renew import Pending
from services.certs.spec import Authority, Entry, Spec


@dataclass(frozen=True)
class Live:
    """A mount's CA now, and what its certificates are verified with: two roots while one is rotated."""

    issuer: str
    anchors: str


@dataclass
class Report:
    """What was done, by name; with `--check`, what would be. `why` tells the reason of each issued certificate."""

    issued: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    authorities: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    reloaded: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.issued or self.authorities)


def ensure(
    spec: Spec,
    client: OpenBao,
    pending: Pending,
    now: datetime,
    tell: Callable[[str], None],
    *,
    check: bool = False,
    anew: datetime | None = None,
) -> Report:
    """Make every file what the specification says, then `tell` each holder of a new one to read it.

    What was issued before `anew` is replaced even when it is fresh, so that a run that died goes on and does not begin again.
    Raises YrdError; what was placed before stays and is whole.
    """
    report = Report()
    mounts = {a.mount for a in spec.authorities} | {e.mount for e in spec.entries}
    live = {mount: Live(_public(client, mount), client.anchors(mount)) for mount in sorted(mounts)}
    for authority in spec.authorities:
        if _differs(authority, live[authority.mount].anchors):
            report.authorities.append(str(authority.path))
            if not check:
                place.authority(authority.path, live[authority.mount].anchors)
    for entry in spec.entries:
        _entry(entry, client, live[entry.mount], pending, now, report, check=check, anew=anew)
    if not check:
        failpoint("certs-placed")
        report.reloaded += pending.pay(tell)
    return report


def _entry(
    entry: Entry,
    client: OpenBao,
    live: Live,
    pending: Pending,
    now: datetime,
    report: Report,
    *,
    check: bool,
    anew: datetime | None,
) -> None:
    if not check:
        pending.owe(entry.reload if place.finish(entry) else ())
    found = held.look(entry)
    reason = held.why(entry, found, live.issuer, live.anchors, now) or held.asked_anew(found, anew)
    if not reason:
        report.fresh.append(entry.name)
        if not check:
            _forget(entry)
        return
    report.issued.append(entry.name)
    report.why[entry.name] = reason
    if not check:
        _issue(entry, found, client, live.anchors, pending)


def _issue(entry: Entry, found: held.Held, client: OpenBao, anchors: str, pending: Pending) -> None:
    """Ask first and write afterwards: a server that dies meanwhile leaves the files as they are."""
    key, subject = held.asked(entry, found)
    body = {"csr": keys.request(key, subject), "exclude_cn_from_sans": True}
    signed = client.sign(f"{entry.mount}/sign/{entry.role}", body)
    pending.owe(entry.reload)
    if entry.kubeconfig:
        place.embed(entry, signed.certificate, anchors)
    elif entry.subject:
        place.pair(entry, keys.key_pem(key), signed.bundle)
    else:
        place.certificate(entry, signed.bundle)
    _forget(entry)


def _forget(entry: Entry) -> None:
    """A request that was answered would make kubeadm ask again."""
    if entry.csr:
        entry.csr.unlink(missing_ok=True)


def _public(client: OpenBao, mount: str) -> str:
    if not (pem := client.public(mount)):
        raise YrdError("E313", f"{client.url} 没有 {mount}", f"{client.url} has no authority {mount}", *_FIX)
    return pem


_FIX = ("先完成密钥库配置：yrd up", "configure OpenBao first: `yrd up`")


def _differs(authority: Authority, pem: str) -> bool:
    try:
        return authority.path.read_text().strip() != pem.strip()
    except OSError:
        return True


def merged(reports: Iterable[Report]) -> Report:
    """Several specifications, one answer."""
    whole = Report()
    for report in reports:
        whole.issued += report.issued
        whole.fresh += report.fresh
        whole.authorities += report.authorities
        whole.reloaded += report.reloaded
        whole.why |= report.why
    return whole

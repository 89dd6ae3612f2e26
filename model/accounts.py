"""The accounts that a province's realm is to have: its administrators, and made-up people where there are samples. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from model.derive import Plan, ProvincePlan
from model.flows import VERIFIED
from model.identity import CLAIM_ID_HASH, CLAIM_LEVEL, CLAIM_REGION
from model.realm_clients import ACTS_FOR, LINK

#: Cost of one digest: 128 MiB and about half a second. All numbers of one county and decade are 10^8 of them (docs/adr/0006-identity.md).
_SCRYPT = {"n": 2**17, "r": 8, "p": 1, "maxmem": 2**28, "dklen": 32}


@dataclass(frozen=True)
class Account:
    """One account. `temporary`: its owner changes the first password, and an administrator sets up a second factor."""

    name: str
    title: str
    role: str
    attributes: dict[str, str] = field(default_factory=dict)
    temporary: bool = True
    #: A second factor that tests can read; never where people are real.
    sample_factor: bool = False


def accounts(plan: Plan, province: ProvincePlan, now: datetime) -> tuple[Account, ...]:
    """Administrators first. Made-up people exist only where the environment says so."""
    samples = plan.environment.identity.samples
    found = [
        Account(
            a.name,
            a.title.zh,
            a.power,
            {
                CLAIM_REGION: province.code,
                CLAIM_LEVEL: _level(plan, a.organ),
                VERIFIED: "true",
                LINK: _local(province, a.name),
            },
            temporary=not samples,
            sample_factor=samples,
        )
        for a in plan.world.administrators
        if a.province == province.name
    ]
    if samples:
        found += [_person(plan, province, p.name, now) for p in plan.world.people if p.province == province.name]
    return tuple(found)


def _level(plan: Plan, organ: str) -> str:
    return next(o.level for o in plan.world.organs if o.name == organ)


def _local(province: ProvincePlan, name: str) -> str:
    """Name at the broker of an account that nothing links to another province's."""
    return f"{province.name}.{name}"


def _person(plan: Plan, province: ProvincePlan, name: str, now: datetime) -> Account:
    person = {p.name: p for p in plan.world.people}[name]
    attributes = {CLAIM_REGION: person.place, CLAIM_LEVEL: person.level, LINK: _local(province, name)}
    if person.verified:
        digest = id_hash(person.document, plan.world.region.domain)
        attributes |= {VERIFIED: "true", CLAIM_ID_HASH: digest, LINK: digest}
    if acting := _acts_for(plan, name, now):
        attributes[ACTS_FOR] = acting
    factor = person.role == "official" or person.verified
    return Account(name, person.title.zh, person.role, attributes, temporary=False, sample_factor=factor)


def _acts_for(plan: Plan, person: str, now: datetime) -> str:
    """Enterprises with the moment at which the right ends: whoever reads the claim looks at it, `up` takes it away."""
    found = [
        {"code": legal.code, "name": legal.title.zh, "until": int(d.valid.until.astimezone(UTC).timestamp())}
        for legal in plan.world.legal_persons
        for d in legal.delegations
        if d.person == person and d.valid.since <= now < d.valid.until
    ]
    return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if found else ""


@lru_cache(maxsize=256)
def id_hash(document: str, domain: str) -> str:
    """Digest by which two provinces know the same person: slow, and other in another region.

    >>> len(id_hash("340104190001010014", "yrd"))
    64
    """
    return hashlib.scrypt(document.encode(), salt=f"id-hash/{domain}".encode(), **_SCRYPT).hex()

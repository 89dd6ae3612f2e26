"""What an OpenBao holds, version by version, without any secret: digests that are equal where the contents are. Reads only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clients import keys
from clients.openbao import OpenBao
from model import access
from model.secrets import SecretsSpec

#: Every key of transit authenticates this text under each of its versions: equal answers, equal keys.
PROBE = "eXJkIGRyaWxs"


@dataclass(frozen=True)
class Fact:
    """One thing that a store holds: `kv/population-database@3`, `transit/etcd@1`, `pki-mesh/issuer/<id>`."""

    digest: str
    at: datetime | None = None
    """When it was made, where the store knows."""


Contents = Mapping[str, Fact]


@dataclass(frozen=True)
class Difference:
    """`newer` is what was written after the snapshot was taken: lost with the machine, and no fault of the snapshot."""

    name: str
    what: str
    newer: bool = False


def look(client: OpenBao, spec: SecretsSpec) -> Contents:
    """Everything, with the policy of the drill."""
    mounts = {m.path: m.type for m in spec.mounts}
    found: dict[str, Fact] = {}
    for path, kind in mounts.items():
        if kind == "kv":
            found |= dict(_secrets(client, path))
        elif kind == "transit":
            found |= dict(_keys(client, path))
        elif kind == "pki":
            found |= dict(_issuers(client, path))
    return found


def compare(live: Contents, kept: Contents, taken: datetime) -> tuple[Difference, ...]:
    """What a restore would change, by name; pure."""
    found = []
    for name in sorted(live.keys() | kept.keys()):
        here, there = live.get(name), kept.get(name)
        if here == there:
            continue
        what = "not in the snapshot" if there is None else "not in the live store" if here is None else "another"
        found.append(Difference(name, what, newer=bool(here and here.at and here.at > taken)))
    return tuple(found)


def counts(contents: Contents) -> dict[str, int]:
    """How much was compared."""
    kinds = {"secret_versions": access.KV, "key_versions": access.TRANSIT}
    versions = {
        kind: sum(name.startswith(f"{mount}/") and "@" in name for name in contents) for kind, mount in kinds.items()
    }
    return {**versions, "issuers": sum("/issuer/" in name for name in contents)}


def _secrets(client: OpenBao, mount: str, folder: str = "") -> Iterator[tuple[str, Fact]]:
    for entry in client.list(f"{mount}/metadata/{folder}".rstrip("/")):
        if entry.endswith("/"):
            yield from _secrets(client, mount, folder + entry)
            continue
        name = folder + entry
        about = client.read(f"{mount}/metadata/{name}") or {}
        versions = dict(about.pop("versions"))
        yield f"{mount}/{name}", Fact(_digest(about), _time(about["updated_time"]))
        for number, row in versions.items():
            gone = bool(row["destroyed"] or row["deletion_time"])
            data = None if gone else (client.read(f"{mount}/data/{name}?version={number}") or {})["data"]
            yield f"{mount}/{name}@{number}", Fact(_digest([row, data]), _time(row["created_time"]))


def _keys(client: OpenBao, mount: str) -> Iterator[tuple[str, Fact]]:
    for name in client.list(f"{mount}/keys"):
        about = client.read(f"{mount}/keys/{name}") or {}
        versions = dict(about.pop("keys"))
        made = {number: _made(row) for number, row in versions.items()}
        yield f"{mount}/{name}", Fact(_digest(about), max(made.values(), default=None))
        for number, row in versions.items():
            said = client.write(f"{mount}/hmac/{name}", {"input": PROBE, "key_version": int(number)})
            yield f"{mount}/{name}@{number}", Fact(_digest([row, said["hmac"]]), made[number])


def _made(row: Any) -> datetime:
    """A symmetric key's version is told by its time alone, in seconds; another's is a table with its public half."""
    return _time(row["creation_time"]) if isinstance(row, dict) else datetime.fromtimestamp(int(row), UTC)


def _issuers(client: OpenBao, mount: str) -> Iterator[tuple[str, Fact]]:
    for identity in client.list(f"{mount}/issuers"):
        text = str((client.read(f"{mount}/issuer/{identity}/json") or {})["certificate"])
        made = keys.load_certificate(text).not_valid_before_utc
        yield f"{mount}/issuer/{identity}", Fact(_digest(text.strip()), made)
    for identity in client.list(f"{mount}/keys"):
        yield f"{mount}/key/{identity}", Fact("held")
    yield f"{mount}/config", Fact(_digest(client.read(f"{mount}/config/issuers")))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

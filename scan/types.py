"""Words of the scan: a place, a piece of it, a value that is known to be secret, a finding. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

Place = Literal["state", "charts", "logs", "processes", "images", "environment", "repository"]
PLACES: tuple[Place, ...] = get_args(Place)

#: Bytes of one window over something large, and how much two neighbours share: more than any form of any known value.
WINDOW, OVERLAP = 4_194_304, 8_192


@dataclass(frozen=True)
class Piece:
    """Some bytes of a place. `where` is what a person needs to go there."""

    place: Place
    where: str
    data: bytes = field(repr=False)

    @property
    def is_text(self) -> bool:
        return b"\0" not in self.data[:8192]


@dataclass(frozen=True)
class Known:
    """A value that is secret because it was handed out as one. `name` says by whom; the value is never printed."""

    name: str
    value: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.value)


@dataclass(frozen=True, order=True)
class Finding:
    """A secret in a place: what it is, in which form it stands there, and a digest by which two are known to be one."""

    place: str
    where: str
    what: str
    form: str
    fingerprint: str
    #: Text around a secret that was found by its form; what an entry of the allow-list is compared with.
    match: str = field(default="", repr=False, compare=False)

    def as_json(self) -> dict[str, str]:
        return {k: getattr(self, k) for k in ("place", "where", "what", "form", "fingerprint")}


def fingerprint(value: bytes) -> str:
    """Sixteen hexadecimal digits of SHA-256: enough to compare, useless to whoever wants the value."""
    return hashlib.sha256(value).hexdigest()[:16]


def windows(data: bytes) -> Iterator[bytes]:
    """Overlapping windows, so that nothing is cut in two."""
    step = WINDOW - OVERLAP
    for start in range(0, max(1, len(data) - OVERLAP), step):
        yield data[start : start + WINDOW]

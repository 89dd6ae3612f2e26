"""Sessions of browsers, kept here and not in the cookie: what is ended here is ended (a cookie could be replayed).

A session lives in this process alone: after a restart a person is sent to the broker once more, and comes back without
being asked as long as the broker remembers.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Seconds: without a request, and in all.
IDLE, LIFE = 15 * 60, 2 * 3600
#: More browsers at once than one process serves; beyond it the one that was idle longest goes.
CAPACITY = 20_000


@dataclass
class Session:
    """`data` is what handlers see; `data["person"]` holds the words by which the broker ends sessions."""

    data: dict[str, Any]
    since: float
    used: float


class Store:
    """Sessions by an unguessable key."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._held = now, dict[str, Session]()

    def get(self, key: str) -> dict[str, Any] | None:
        """What a browser's session holds; nothing when it has ended."""
        held, now = self._held.get(key), self._now()
        if held is None:
            return None
        if now - held.used > IDLE or now - held.since > LIFE:
            del self._held[key]
            return None
        held.used = now
        return held.data

    def put(self, data: dict[str, Any]) -> str:
        """Keep `data` under a new key."""
        self._sweep()
        key, now = secrets.token_urlsafe(32), self._now()
        self._held[key] = Session(data, now, now)
        return key

    def drop(self, key: str) -> None:
        self._held.pop(key, None)

    def end(self, *, sid: str, sub: str) -> int:
        """End what the broker names: one of its sessions, or with no `sid` every session of a person. How many ended."""
        gone = [k for k, s in self._held.items() if _meant(s.data, sid, sub)]
        for key in gone:
            del self._held[key]
        return len(gone)

    def _sweep(self) -> None:
        if len(self._held) < CAPACITY:
            return
        now = self._now()
        oldest = sorted(self._held, key=lambda k: self._held[k].used)
        ended = {k for k in oldest if now - self._held[k].used > IDLE}
        for key in ended or oldest[:1]:
            del self._held[key]


def _meant(data: dict[str, Any], sid: str, sub: str) -> bool:
    person = data.get("person") or {}
    if sid:
        return bool(person.get("sid") == sid)
    return bool(sub) and bool(person.get("sub") == sub)

"""What Prometheus knows now: one query for every series of ours, one for when each province was last heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

#: Seconds.
TIMEOUT = 5
EVERYTHING = '{__name__=~"yrd_.+|up",province!=""}'
HEARD = 'max_over_time((timestamp(up{province!=""} == 1))[6h:1m])'


@dataclass(frozen=True)
class Sample:
    """One series' newest value."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Snapshot:
    """`heard` is Unix time by province. `fault` says why nothing could be asked; then there are no samples."""

    samples: tuple[Sample, ...] = ()
    heard: Mapping[str, float] | None = None
    fault: str = ""


class Prometheus:
    """The hub's own, on loopback."""

    def __init__(self, url: str) -> None:
        self.url, self.session = url, requests.Session()
        self.session.trust_env = False

    def query(self, text: str) -> list[dict[str, Any]]:
        """Result of an instant query. Raises OSError (requests' errors are ones) or ValueError."""
        answer = self.session.get(f"{self.url}/api/v1/query", params={"query": text}, timeout=TIMEOUT)
        body = answer.json()
        if body.get("status") != "success":
            raise ValueError(str(body.get("error", body))[:200])
        return list(body["data"]["result"])

    def snapshot(self) -> Snapshot:
        """Never raises: a page that says what is unknown is the answer to a fault."""
        try:
            rows, heard = self.query(EVERYTHING), self.query(HEARD)
        except (OSError, ValueError, KeyError) as fault:
            return Snapshot(fault=f"{type(fault).__name__}: {str(fault)[:200]}")
        samples = tuple(Sample(r["metric"]["__name__"], r["metric"], float(r["value"][1])) for r in rows)
        return Snapshot(samples, {r["metric"]["province"]: float(r["value"][1]) for r in heard})

"""What pods are told at their start, as the API server keeps it: literal variables, arguments, annotations."""

from __future__ import annotations

import json
from collections.abc import Iterator

from clients.cluster import Cluster
from scan.types import Piece

KINDS = (
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
)


def pieces(name: str, api: Cluster) -> Iterator[Piece]:
    for version, kind in KINDS:
        for item in api.all(version, kind):
            meta = item["metadata"]
            where = f"{name}:{kind} {meta['namespace']}/{meta['name']}"
            yield Piece("environment", where, json.dumps(item, indent=1, ensure_ascii=False).encode())

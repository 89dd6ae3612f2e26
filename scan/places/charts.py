"""Values and objects of every release as they are rendered, and what Helm and the cluster keep of them in the open."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

from clients.cluster import Cluster
from model.derive import Plan, ProvincePlan
from scan.types import Piece
from stacks.renders import rendered


def rendering(plan: Plan, province: ProvincePlan) -> Iterator[Piece]:
    """Offline: what `up` would deliver."""
    for release in rendered(plan, province):
        name = f"{province.name}:{release.name}"
        yield Piece("charts", f"{name} values", _text(release.values))
        yield from (Piece("charts", f"{name} {o['kind']}/{o['metadata']['name']}", _text(o)) for o in release.objects)


def live(name: str, api: Cluster) -> Iterator[Piece]:
    """Records of Helm, unpacked, and every ConfigMap."""
    for item in api.all("v1", "Secret", labels="owner=helm"):
        yield Piece("charts", f"{name}:release {item['metadata']['name']}", record(str(item["data"]["release"])))
    for item in api.all("v1", "ConfigMap"):
        meta = item["metadata"]
        yield Piece("charts", f"{name}:ConfigMap {meta['namespace']}/{meta['name']}", _text(item))


def record(release: str) -> bytes:
    """A release as Helm stores it: base64 of a gzip, once more base64 in the Secret. Charts inside are base64 too. Pure."""
    held = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(release))))
    for part in (held["chart"], *held["chart"].get("dependencies", ())):
        for file in (*(part.get("templates") or ()), *(part.get("files") or ())):
            file["data"] = base64.b64decode(file.get("data") or "").decode("utf-8", "replace")
    return _text(held)


def _text(value: Any) -> bytes:
    """One field a line: rules for forms look at names and values side by side."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=str).encode()

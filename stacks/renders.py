"""Releases of a province as they would be delivered: rendered, with a digest per object. No cluster, no network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clients import cluster, helm
from model.derive import Plan, ProvincePlan
from stacks.charts import assemble, releases
from toolchain import images
from toolchain.install import share, tool
from toolchain.paths import cache_root


@dataclass(frozen=True)
class Rendered:
    """One release with its objects."""

    name: str
    namespace: str
    chart: Path
    values: dict[str, Any]
    wait: bool
    after: tuple[str, ...]
    objects: tuple[dict[str, Any], ...]

    def digests(self) -> dict[str, str]:
        """Digest per object; the text behind a digest is kept in the cache, for the preview's diff."""
        return {cluster.key(o): _keep(o) for o in self.objects}


@lru_cache(maxsize=8)
def _rendered(plan_key: str, name: str) -> tuple[Rendered, ...]:
    plan, province = _PLANS[plan_key], _PLANS[plan_key].province(name)
    return tuple(
        _render(plan, r)
        for r in releases(plan, province, images.references(), share("istio") / "charts", share("calico"))
    )


_PLANS: dict[str, Plan] = {}


def rendered(plan: Plan, province: ProvincePlan) -> tuple[Rendered, ...]:
    """Every release of a province, in order of delivery."""
    slot = hashlib.sha256(repr(plan).encode()).hexdigest()
    _PLANS[slot] = plan
    return _rendered(slot, province.name)


def _render(plan: Plan, release: Any) -> Rendered:
    chart = assemble(release, cache_root() / "charts")
    objects = helm.template(
        tool("helm"),
        chart,
        release.name,
        release.namespace,
        release.values,
        plan.world.region.versions.kubernetes,
        cache_root() / "renders",
    )
    return Rendered(release.name, release.namespace, chart, release.values, release.wait, release.after, tuple(objects))


def _keep(item: dict[str, Any]) -> str:
    text = json.dumps(item, sort_keys=True, indent=1, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = cache_root() / "renders" / "objects" / f"{digest}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return digest


def object_text(digest: str) -> str:
    """Text of an object that was rendered on this host before; empty when it was not."""
    path = cache_root() / "renders" / "objects" / f"{digest}.json"
    return path.read_text() if path.exists() else ""

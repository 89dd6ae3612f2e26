"""Helm releases of one province. The state keeps a digest per rendered object, so that an offline preview names what changes (D4).

Look compares the digest of every live object with the one that the last run left; a differing object is put back as a whole.
"""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

from clients import cluster, helm, journal
from clients.cluster import Cluster
from model.derive import ProvincePlan
from stacks.providers.base import Props, Provider, plan_of
from stacks.renders import Rendered, rendered
from toolchain.install import tool
from toolchain.paths import cache_root

#: Seconds for which one list of a kind serves every release of a look.
_FRESH = 15.0
_lock = threading.Lock()
_lists: dict[tuple[str, str, str], tuple[float, dict[str, cluster.Object]]] = {}
_open: dict[str, Cluster] = {}


class ReleaseProvider(Provider):
    """Inputs: environment, site, release, namespace, `objects` = {key: digest of the rendered object}."""

    replaces: ClassVar[tuple[str, ...]] = ("environment", "site", "release", "namespace")

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:{props['release']}"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        api = _connect(props)
        left = dict(props.get("live") or {})
        live = {k: found for k in left if (found := _live(api, k))}
        drift = [
            f"{k} {'is gone' if k not in live else 'was changed by hand'}"
            for k in sorted(left)
            if live.get(k) != left[k]
        ]
        return left, drift

    def do(self, props: Props, old: Props | None) -> Any:
        api, release = _connect(props), _release(props)
        objects = {cluster.key(o): o for o in release.objects}
        left = dict((old or {}).get("live") or {})
        if not old or dict(old["objects"]) != dict(props["objects"]) or not left:
            _settle(api, release)
            helm.upgrade(
                tool("helm"),
                api.kubeconfig,
                release.chart,
                release.name,
                release.namespace,
                release.values,
                wait=release.wait,
                cache=cache_root(),
            )
            _forget()
            left = {}
        live = {k: found for k in objects if (found := _live(api, k))}
        repaired = [k for k in objects if live.get(k) != left.get(k, live.get(k)) or k not in live]
        for name in repaired:
            journal.note("repair", site=props["site"], object=name)
            api.put(objects[name])
        if repaired:
            _forget()
        return {k: found for k in objects if (found := _live(api, k))}

    def delete(self, _id: str, props: Props) -> None:
        api = _connect(props)
        helm.uninstall(tool("helm"), api.kubeconfig, str(props["release"]), str(props["namespace"]), cache_root())


def _connect(props: Props) -> Cluster:
    plan = plan_of(props)
    name = str(props["site"])
    with _lock:
        if name not in _open:
            _open[name] = cluster.connect(plan, plan.province(name))
        return _open[name]


def _release(props: Props) -> Rendered:
    plan = plan_of(props)
    province: ProvincePlan = plan.province(str(props["site"]))
    return {r.name: r for r in rendered(plan, province)}[str(props["release"])]


def _live(api: Cluster, name: str) -> str | None:
    """Digest of a live object, from one list of its kind."""
    full = name.split("/")[0]
    kind, _, group = full.partition(".")
    with _lock:
        version = _version(api, kind, group)
        slot = (api.name, version, kind)
        if slot not in _lists or time.monotonic() - _lists[slot][0] > _FRESH:
            _lists[slot] = (time.monotonic(), {cluster.key(o): o for o in api.all(version, kind)} if version else {})
        found = _lists[slot][1].get(name)
    return cluster.digest(found) if found else None


def _version(api: Cluster, kind: str, group: str) -> str:
    """The group's version in which the cluster serves the kind."""
    api.path("v1", "Namespace")
    known = [v for v, k in api.kinds() if k == kind and v.rpartition("/")[0] == group]
    return sorted(known)[0] if known else ""


def _forget() -> None:
    with _lock:
        _lists.clear()
        for api in _open.values():
            api.rediscover()


def _settle(api: Cluster, release: Rendered) -> None:
    """Drop the record of a release that a killed run left pending: Helm would refuse every later upgrade."""
    path = f"/api/v1/namespaces/{release.namespace}/secrets?labelSelector=owner%3Dhelm%2Cname%3D{release.name}"
    for record in api.request("GET", path)["items"]:
        if record["metadata"]["labels"].get("status", "").startswith("pending"):
            journal.note("repair", object=f"Helm release {release.name}, left pending by a killed run")
            api.delete("v1", "Secret", release.namespace, record["metadata"]["name"])

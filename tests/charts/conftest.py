"""The region's own plan, and releases rendered by the real helm; no cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from model.derive import Plan, derive
from model.load import find_root, load
from model.types import World
from stacks.charts import Release, assemble, releases

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAMES = ("pause", "kube-proxy", "coredns", "calico", "pilot", "proxyv2", "install-cni", "postgres", "services")

Object = dict[str, Any]
Render = Callable[[Plan, str], dict[str, list[Object]]]


@dataclass(frozen=True)
class Image:
    """An image by digest, as the toolchain refers to it."""

    reference: str


IMAGES = {name: Image(f"registry.yrd/{name}@sha256:{'a' * 64}") for name in NAMES}


@pytest.fixture(scope="session")
def world() -> World:
    return load(find_root(), NOW)


@pytest.fixture(scope="session")
def plan(world: World) -> Plan:
    return derive(world, "local", NOW)


@lru_cache
def cached(pattern: str, *, executable: bool = False) -> Path | None:
    """What the toolchain left in its cache on this host, or Go's module cache."""
    roots = [Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "yrd" / "tools", _modules()]
    found: Iterator[Path] = (p for root in roots if root for p in sorted(root.glob(pattern)))
    return next((p for p in found if not executable or os.access(p, os.X_OK)), None)


@lru_cache
def _modules() -> Path | None:
    if not shutil.which("go"):
        return None
    done = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def helm() -> Path:
    found = shutil.which("helm")
    path = Path(found) if found else cached("helm-*/**/helm", executable=True)
    if path is None:
        pytest.skip("helm is neither on PATH nor in the toolchain's cache: python -m toolchain install helm")
    return path


@pytest.fixture(scope="session")
def istio_charts() -> Path:
    path = cached("istio-*/share/charts") or cached("istio.io/istio@*/manifests/charts")
    if path is None:
        pytest.skip("Istio's charts are not on this host: python -m toolchain install istio")
    return path


@pytest.fixture(scope="session")
def calico_share() -> Path:
    path = cached("calico-*/share/crds.yaml") or cached("github.com/projectcalico/calico@*/manifests/crds.yaml")
    if path is None:
        pytest.skip("Calico's manifests are not on this host: python -m toolchain install calico")
    return path.parent


@pytest.fixture(scope="session")
def render(
    helm: Path, istio_charts: Path, calico_share: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Plan, str], dict[str, list[Object]]]:
    """Objects by release; equal values are rendered once."""
    cache = tmp_path_factory.mktemp("charts")
    done: dict[str, list[Object]] = {}

    def one(release: Release) -> list[Object]:
        text = json.dumps(release.values, sort_keys=True)
        slot = f"{release.name} {release.chart} {text}"
        if slot not in done:
            command = [str(helm), "template", release.name, str(assemble(release, cache)), "-n", release.namespace]
            ran = subprocess.run([*command, "-f", "-"], input=text, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, f"{release.name}: {ran.stderr}"
            done[slot] = [o for o in yaml.safe_load_all(ran.stdout) if o]
        return done[slot]

    def everything(plan: Plan, province: str) -> dict[str, list[Object]]:
        wanted = releases(plan, plan.province(province), IMAGES, istio_charts, calico_share)
        return {release.name: one(release) for release in wanted}

    return everything

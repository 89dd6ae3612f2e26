"""The tools as data: `tools.yaml` read once, with the key under which each lies in the cache."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from model.errors import YrdError
from toolchain.paths import HERE, tools

#: Bump when the way of building changes, so that every entry is made anew.
RECIPE = "1"


@dataclass(frozen=True)
class Tool:
    """One entry of the cache."""

    name: str
    kind: str
    version: str
    binaries: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    share: dict[str, str] = field(default_factory=dict)
    path: dict[str, list[str]] = field(default_factory=dict)
    tags: str = ""
    lock: str = ""
    module: str = ""
    no_sum_database: str = ""
    site: bool = False
    artifact: str = ""
    sha256: str = ""
    prepare: tuple[str, ...] = ()

    @property
    def lock_files(self) -> tuple[Path, ...]:
        if self.kind in {"go", "files"}:
            folder = HERE / "go" / (self.lock or self.name)
            return (folder / "go.mod", folder / "go.sum")
        if self.kind == "maven":
            return ()
        return (HERE / "wheels" / f"{self.name}.lock",)

    @property
    def key(self) -> str:
        """Digest of the tool's own lock and recipe: one new version makes one tool anew."""
        digest = hashlib.sha256(RECIPE.encode())
        for path in self.lock_files:
            digest.update(path.read_bytes())
        digest.update(
            json.dumps([self.binaries, self.variables, self.share, self.tags, self.site], sort_keys=True).encode()
        )
        if self.kind == "maven":
            digest.update(json.dumps([self.artifact, self.sha256, *self.prepare]).encode())
        return digest.hexdigest()[:16]

    @property
    def entry(self) -> Path:
        return tools() / f"{self.name}-{self.key}"


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Tool]:
    """Every tool by name, in the order in which they are best built: the longest first."""
    rows: list[dict[str, Any]] = YAML(typ="safe").load(HERE / "tools.yaml")
    return {row["name"]: Tool(**row) for row in rows}


def lookup(name: str) -> Tool:
    """Raises YrdError E210 for a name that is not in `tools.yaml`."""
    if name not in catalogue():
        known = ", ".join(catalogue())
        raise YrdError("E210", f"未知工具 {name}", f"unknown tool {name}", f"可用：{known}", f"one of: {known}")
    return catalogue()[name]

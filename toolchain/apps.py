"""Services for machines as zipapps (PEP 441): one file, the same bytes from the same sources."""

from __future__ import annotations

import hashlib
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from model.errors import YrdError
from toolchain.paths import HERE, ROOT, cache_root

#: What zip's format begins with; a real time would make every build another file.
EPOCH = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def specs() -> dict[str, Any]:
    """`apps.yaml`."""
    return dict(YAML(typ="safe").load(HERE / "apps.yaml"))


def build(name: str) -> Path:
    """The service's file in the cache, named after its content. Raises YrdError E215 when one is missing."""
    if name not in specs():
        raise YrdError(
            "E215", f"未知服务 {name}", f"unknown service {name}", "见 toolchain/apps.yaml", "see toolchain/apps.yaml"
        )
    files = _files(specs()[name]["modules"])
    module, _, function = specs()[name]["entry"].partition(":")
    main = f"import sys\nimport {module}\nsys.exit({module}.{function}())\n"
    key = hashlib.sha256(
        main.encode() + b"".join(n.encode() + b"\0" + p.read_bytes() for n, p in files.items())
    ).hexdigest()[:16]
    target = cache_root() / "apps" / f"{name}-{key}.pyz"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, files, main)
    return target


def _files(modules: list[str]) -> dict[str, Path]:
    """Name inside the archive to source, sorted."""
    found: dict[str, Path] = {}
    for module in modules:
        path = ROOT / module
        if not path.exists():
            raise YrdError("E215", f"缺少 {module}", f"{module} is not there")
        inside = (
            [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        )
        found |= {str(p.relative_to(ROOT)): p for p in inside}
    return dict(sorted(found.items()))


def _write(target: Path, files: dict[str, Path], main: str) -> None:
    part = target.with_suffix(".part")
    with part.open("wb") as raw:
        raw.write(b"#!/usr/bin/python3\n")
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, source in files.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), source.read_bytes())
            archive.writestr(zipfile.ZipInfo("__main__.py", EPOCH), main)
    part.chmod(0o755)
    part.rename(target)

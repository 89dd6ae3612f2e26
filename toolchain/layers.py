"""What a Containerfile copies: programs and libraries of the toolchain, what Debian packages add, our own sources."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from model.errors import YrdError
from toolchain import debian, rootfs
from toolchain.install import entry_of, share, tool
from toolchain.paths import ROOT, cache_root
from toolchain.run import logged

#: What an installation writes for the next one, of which there is none inside an image.
_BOOKKEEPING = (
    "etc/*-",
    "etc/dpkg",
    "etc/gshadow",
    "etc/resolv.conf",
    "etc/shadow",
    "etc/subgid*",
    "etc/subuid*",
    "etc/systemd",
    # Keys that an installation makes belong to nobody, or to everybody.
    "etc/ssl/private",
    "run",
    "tmp",
    "usr/share/doc",
    "usr/share/i18n",
    "usr/share/locale",
    "usr/share/man",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/log",
)


def collect(name: str, spec: Mapping[str, Any], context: Path) -> None:
    """Collect what the Containerfile copies. Libraries are installed outside: inside, no index and no CA is needed."""
    context.mkdir()
    for binary in spec.get("tools", ()):
        shutil.copy2(tool(binary), context / binary)
    for owner, files in spec.get("shares", {}).items():
        for file in files:
            shutil.copyfile(share(owner) / file, context / file)
    if "host" in spec:
        shutil.copy2(_first(name, spec["host"]), context / "catatonit")
    if "debian" in spec:
        _debian(spec["debian"], spec.get("drop", ()), context / "layer")
    if "site" in spec:
        shutil.copytree(entry_of(spec["site"]) / "site", context / "site")
    for folder in spec.get("source", ()):
        for source in sources(folder):
            target = context / "source" / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _first(name: str, places: Sequence[str]) -> Path:
    for place in places:
        if Path(place).exists():
            return Path(place)
    raise YrdError(
        "E214",
        f"镜像 {name} 需要 {places[0]}",
        f"image {name} needs {places[0]}",
        "安装 Debian 包 catatonit",
        "install the Debian package catatonit",
    )


def _debian(wanted: Sequence[str], drop: Sequence[str], layer: Path) -> None:
    """Files that `wanted` adds to the base, without what is dropped; whiteouts and devices have no place in a layer."""
    with tempfile.TemporaryDirectory(dir=cache_root(), prefix=".debian-") as folder:
        upper = Path(folder) / "upper"
        with debian.overlay(rootfs.image_full(), upper) as root:
            debian.install("image-layers", root, wanted)
            _compile(root)
        debian.remove(upper, (*_BOOKKEEPING, *drop))
        for path in list(_special(upper)):
            path.unlink()
        shutil.copytree(upper, layer, symlinks=True)


def _compile(root: Path) -> None:
    """Byte code that is valid whatever the files' times say: all are zero in an image, and Python would start slow."""
    for library in root.glob("usr/lib/python3.*"):
        inside = str(library.relative_to(root))
        flags = ["-q", "-f", "--invalidation-mode", "unchecked-hash"]
        logged("image-layers", ["chroot", str(root), "/usr/bin/python3", "-m", "compileall", *flags, f"/{inside}"])


def _special(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
            yield path


def sources(folder: str) -> list[Path]:
    """Files of ours that go into an image: a folder without its leftovers, or one file."""
    path = ROOT / folder
    return (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    )

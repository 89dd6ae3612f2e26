"""Container images: built from `images/<name>/Containerfile`, kept as OCI layouts in the cache, pushed by digest.

An image's key is the digest of everything that goes into it. `references` never builds, so that a preview needs no root.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clients import shell
from model import names
from model.errors import YrdError
from toolchain import rootfs
from toolchain.install import entry_of, share, tool
from toolchain.paths import ROOT, cache_root
from toolchain.spec import catalogue

#: Layers are shared by digest, so the base is compressed once; zstd unpacks several times faster than gzip.
RECIPE = "4 zstd"
Report = Callable[[str, str], None]


def _quiet(_image: str, _step: str) -> None:
    return


@dataclass(frozen=True)
class ImageRef:
    """An image by name. `digest` is empty until it was built on this host."""

    name: str
    tag: str
    key: str
    digest: str

    @property
    def repository(self) -> str:
        return f"{names.REGISTRY}/{self.name}"

    @property
    def reference(self) -> str:
        """`registry.yrd/<name>@sha256:...`; before the first build a tag that says so, and that nothing can pull."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:unbuilt-{self.key}"

    @property
    def layout(self) -> Path:
        return cache_root() / "images" / f"{self.name}-{self.key}"


@lru_cache(maxsize=1)
def specs() -> dict[str, dict[str, Any]]:
    """`images/images.yaml`."""
    return dict(YAML(typ="safe").load(ROOT / "images" / "images.yaml"))


def references() -> dict[str, ImageRef]:
    """Every image as it is known now; nothing is built."""
    return {name: _reference(name) for name in specs()}


def _reference(name: str) -> ImageRef:
    ref = ImageRef(name, str(specs()[name]["tag"]), _key(name), "")
    digest = ref.layout / "digest"
    return ImageRef(ref.name, ref.tag, ref.key, digest.read_text().strip()) if digest.exists() else ref


def _key(name: str) -> str:
    """Changes with the Containerfile, a tool's key, the base's packages, a library's lock or our sources; with nothing else."""
    spec = specs()[name]
    parts = [
        RECIPE,
        rootfs.RECIPE,
        json.dumps(spec, sort_keys=True),
        (ROOT / "images" / name / "Containerfile").read_text(),
    ]
    parts += [
        t.key
        for t in catalogue().values()
        if set(t.binaries.values()) & set(spec.get("tools", ())) or t.name == spec.get("site")
    ]
    parts += [json.dumps(rootfs.packages()["image-base"])] if spec.get("base") else []
    parts += [
        f"{p.relative_to(ROOT)} {hashlib.sha256(p.read_bytes()).hexdigest()}"
        for folder in spec.get("source", ())
        for p in _sources(folder)
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _sources(folder: str) -> list[Path]:
    return sorted(p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def build(wanted: Sequence[str] = (), report: Report = _quiet) -> dict[str, ImageRef]:
    """Build what is not there yet; returns every wanted image with its digest. Needs root."""
    return {name: _build(name, report) for name in wanted or specs()}


def _build(name: str, report: Report) -> ImageRef:
    ref = _reference(name)
    if ref.digest:
        return ref
    folder = cache_root() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _reference(name).digest:
            report(name, "building image")
            with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as part:
                _make(ref, Path(part))
    report(name, "image ready")
    return _reference(name)


def _podman(*words: str) -> None:
    """Podman with a storage of our own: a user's images are never touched."""
    root = cache_root() / "podman"
    flags = ["--root", str(root / "root"), "--runroot", str(root / "run"), "--runtime", "runc"]
    shell.run(["podman", *flags, *words], timeout=900)


def _make(ref: ImageRef, part: Path) -> None:
    spec = specs()[ref.name]
    if spec.get("base"):
        _ensure_base()
    context = part / "context"
    _context(ref.name, spec, context)
    _podman(
        "build",
        "--network",
        "host",
        "--ulimit",
        "nofile=20000:20000",
        "--ulimit",
        "nproc=10000:10000",
        "--timestamp",
        "0",
        "--layers=false",
        "-q",
        "-t",
        f"{ref.name}:{ref.key}",
        "-f",
        str(ROOT / "images" / ref.name / "Containerfile"),
        str(context),
    )
    root = cache_root() / "podman"
    source = f"containers-storage:[overlay@{root / 'root'}+{root / 'run'}]localhost/{ref.name}:{ref.key}"
    layout = part / "layout"
    shell.run(
        [
            "skopeo",
            "copy",
            "-q",
            "--insecure-policy",
            "--dest-compress-format",
            "zstd",
            "--dest-compress-level",
            "3",
            source,
            f"oci:{layout}:{ref.tag}",
        ],
        timeout=600,
    )
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    (layout / "digest").write_text(digest + "\n")
    _podman("rmi", "-f", f"{ref.name}:{ref.key}")
    if ref.layout.exists():
        shutil.rmtree(ref.layout)
    layout.rename(ref.layout)


def _ensure_base() -> None:
    """Import the bootstrapped base once per key, so that all images share one layer."""
    base = rootfs.image_base()
    mark = cache_root() / "podman" / f"{base.name}.imported"
    if not mark.exists():
        with tempfile.NamedTemporaryFile(suffix=".tar", dir=cache_root()) as file:
            shell.run(["tar", "-C", str(base), "--sort=name", "--mtime=@0", "-cf", file.name, "."])
            _podman("import", "-q", file.name, "yrd-base")
        mark.touch()


def _context(name: str, spec: Mapping[str, Any], context: Path) -> None:
    """Collect what the Containerfile copies. Libraries are installed outside, so that a build needs no index and no CA inside."""
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
        shutil.copytree(ROOT / folder, context / "source" / folder, ignore=shutil.ignore_patterns("__pycache__"))


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
    """Files that `wanted` adds to the base, without what is dropped. Whiteouts and device files have no place in a layer."""
    with tempfile.TemporaryDirectory(dir=cache_root(), prefix=".debian-") as folder:
        upper = Path(folder) / "upper"
        with rootfs.overlay(rootfs.image_base(), upper) as root:
            (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
            (root / "usr/sbin/policy-rc.d").chmod(0o755)
            rootfs.apt_install(root, list(wanted))
        for inside in (
            "usr/sbin/policy-rc.d",
            "var/lib/apt",
            "var/cache",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
            "var/log",
            "etc/resolv.conf",
            "run",
            "tmp",
            *drop,
        ):
            target = upper / inside
            shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink(missing_ok=True)
        for path in list(_special(upper)):
            path.unlink()
        shutil.copytree(upper, layer, symlinks=True)


def _special(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
            yield path


def pushed(refs: Mapping[str, ImageRef], registry: str, ca_file: Path) -> set[str]:
    """Names of images whose very digest the registry serves; `registry` is `address:port`."""
    found = set()
    for name, ref in refs.items():
        command = [
            "curl",
            "-sf",
            "-o",
            "/dev/null",
            "--noproxy",
            "*",
            "--cacert",
            str(ca_file),
            "-H",
            "Accept: application/vnd.oci.image.manifest.v1+json",
            "-I",
            f"https://{registry}/v2/{name}/manifests/{ref.digest or ref.tag}",
        ]
        if ref.digest and shell.run(command, check=False, timeout=10).returncode == 0:
            found.add(name)
    return found


def push(ref: ImageRef, registry: str, ca_file: Path) -> None:
    """Copy an image into the registry, its digest unchanged. The registry must trust nobody; we trust `ca_file` alone."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(ca_file, Path(folder) / "ca.crt")
        shell.run(
            [
                "skopeo",
                "copy",
                "-q",
                "--insecure-policy",
                "--preserve-digests",
                "--dest-cert-dir",
                folder,
                f"oci:{ref.layout}:{ref.tag}",
                f"docker://{registry}/{ref.name}:{ref.tag}",
            ],
            timeout=300,
            env={"NO_PROXY": "*", "no_proxy": "*"},
        )

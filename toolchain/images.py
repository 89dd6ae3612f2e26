"""Container images: built from `images/<name>/Containerfile`, kept as OCI layouts in the cache, pushed by digest.

An image's key is the digest of all that goes into it. `references` never builds, so that a preview needs no root.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clients import shell
from model import names
from toolchain import debian, layers, rootfs
from toolchain.install import seal, whole
from toolchain.paths import ROOT, cache_root
from toolchain.spec import catalogue

#: Layers are shared by digest, so the base is compressed once; zstd unpacks several times faster than gzip.
RECIPE = "6 zstd"
Report = Callable[[str, str], None]


def _quiet(_image: str, _step: str) -> None:
    return


#: The same inputs give the same digest, whenever and wherever they are built.
_FIXED = ("--timestamp", "0", "--layers=false", "-q")


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
    """Changes with the Containerfile, a tool's key, the base's packages, a library's lock, our sources; else never."""
    spec = specs()[name]
    parts = [
        RECIPE,
        debian.RECIPE,
        json.dumps(spec, sort_keys=True),
        (ROOT / "images" / name / "Containerfile").read_text(),
    ]
    parts += [
        t.key
        for t in catalogue().values()
        if set(t.binaries.values()) & set(spec.get("tools", ())) or t.name == spec.get("site")
    ]
    base = [debian.packages()[key] for key in ("image-base", "image-slim")]
    parts += [json.dumps(base)] if spec.get("base") else []
    parts += [
        f"{p.relative_to(ROOT)} {hashlib.sha256(p.read_bytes()).hexdigest()}"
        for folder in spec.get("source", ())
        for p in layers.sources(folder)
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def build(wanted: Sequence[str] = (), report: Report = _quiet) -> dict[str, ImageRef]:
    """Build what is not there yet; returns every wanted image with its digest. Needs root."""
    return {name: _build(name, report) for name in wanted or specs()}


def _build(name: str, report: Report) -> ImageRef:
    ref = _reference(name)
    if ref.digest and whole(ref.layout):
        report(name, "ready")
        return ref
    folder = cache_root() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_reference(name).digest and whole(ref.layout)):
            report(name, "building")
            with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as part:
                _make(ref, Path(part))
    report(name, "ready")
    return _reference(name)


def _storage() -> Path:
    return cache_root() / "podman"


def _podman(*words: str, check: bool = True) -> bool:
    """Podman with a storage of our own: a user's images are never touched. Whether it ended well."""
    flags = ["--root", str(_storage() / "root"), "--runroot", str(_storage() / "run"), "--runtime", "runc"]
    return shell.run(["podman", *flags, *words], timeout=900, check=check).returncode == 0


def _make(ref: ImageRef, part: Path) -> None:
    spec, local = specs()[ref.name], f"{ref.name}:{ref.key}"
    layers.collect(ref.name, spec, part / "context")
    limits = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=10000:10000"]
    # The base by its key: another checkout with another base may build at the same time.
    base = ["--from", _base()] if spec.get("base") else []
    file = ["-f", str(ROOT / "images" / ref.name / "Containerfile")]
    _podman("build", "--network", "host", *limits, *base, *_FIXED, "-t", local, *file, str(part / "context"))
    layout = part / "layout"
    source = f"containers-storage:[overlay@{_storage() / 'root'}+{_storage() / 'run'}]localhost/{local}"
    zstd = ["--dest-compress-format", "zstd", "--dest-compress-level", "3"]
    shell.run(["skopeo", "copy", "-q", "--insecure-policy", *zstd, source, f"oci:{layout}:{ref.tag}"], timeout=600)
    _podman("rmi", "-f", local)
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    (layout / "digest").write_text(digest + "\n")
    seal(layout)
    if ref.layout.exists():
        shutil.rmtree(ref.layout)
    layout.rename(ref.layout)


def _base() -> str:
    """The bootstrapped base in our storage, imported once, so that all images share one layer."""
    tree = rootfs.image_base()
    reference = f"localhost/{tree.name.replace('image-base-', 'yrd-base:')}"
    if not _podman("image", "exists", reference, check=False):
        with tempfile.TemporaryDirectory(dir=cache_root(), prefix=".base-") as folder:
            shell.run(["tar", "-C", str(tree), "--sort=name", "--mtime=@0", "-cf", f"{folder}/base.tar", "."])
            file = ["-f", str(ROOT / "images" / "base" / "Containerfile")]
            _podman("build", *_FIXED, "-t", reference, *file, folder)
    return reference


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
    """Copy an image into the registry, its digest unchanged; of all authorities we trust `ca_file` alone."""
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

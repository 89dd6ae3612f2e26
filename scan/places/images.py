"""Layers and configurations of images: those in the cache, and what the registry has besides."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import requests
from backports import zstd

from model.errors import UnreachableError
from scan.types import OVERLAP, WINDOW, Piece

#: Media types of what lists other things.
MANIFESTS = "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"
#: A larger text is data of a library, not a setting.
LARGEST_TEXT = 1_048_576


def pieces(cache: Path, seen: set[str]) -> Iterator[Piece]:
    """Every blob of every layout in the cache once; `seen` remembers their digests."""
    for layout in sorted(p.parent for p in cache.glob("*/index.json")):
        index = json.loads((layout / "index.json").read_text())
        for row in index["manifests"]:
            manifest = json.loads(_blob(layout, row["digest"]).read_bytes())
            for part in (manifest["config"], *manifest["layers"]):
                if part["digest"] not in seen:
                    seen.add(part["digest"])
                    with _blob(layout, part["digest"]).open("rb") as blob:
                        yield from unpacked(layout.name, part, blob)


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / Path(*digest.split(":", 1))


def unpacked(image: str, part: dict[str, Any], blob: IO[bytes]) -> Iterator[Piece]:
    """Files of a layer, or a configuration as it is."""
    kind, name = str(part["mediaType"]), f"{image}@{str(part['digest'])[7:19]}"
    if "tar" not in kind:
        yield Piece("images", f"{name}:configuration", blob.read())
        return
    stream = blob
    if kind.endswith("zstd"):
        stream = cast("IO[bytes]", zstd.ZstdFile(blob))
    elif kind.endswith("gzip"):
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=blob))
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            if entry.isfile() and (content := archive.extractfile(entry)):
                yield from _windows(f"{name}:{entry.name}", content)


def _windows(where: str, content: IO[bytes]) -> Iterator[Piece]:
    kept = b""
    while data := content.read(WINDOW - OVERLAP):
        yield Piece("images", where, kept + data)
        kept = data[-OVERLAP:]


def registry(address: str, ca_file: Path, seen: set[str]) -> Iterator[Piece]:
    """Blobs that the registry serves and that were not seen yet. Raises UnreachableError E473."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(ca_file)
    session.headers["Accept"] = ", ".join(MANIFESTS)

    def ask(path: str) -> requests.Response:
        answer = session.get(f"https://{address}/v2/{path}", timeout=60)
        answer.raise_for_status()
        return answer

    try:
        for name in ask("_catalog?n=1000").json()["repositories"]:
            for tag in ask(f"{name}/tags/list").json()["tags"] or ():
                manifest = ask(f"{name}/manifests/{tag}").json()
                for part in (manifest["config"], *manifest["layers"]):
                    if part["digest"] not in seen:
                        seen.add(part["digest"])
                        blob = io.BytesIO(ask(f"{name}/blobs/{part['digest']}").content)
                        yield from unpacked(f"registry/{name}", part, blob)
    except (requests.RequestException, KeyError, ValueError) as fault:
        said = str(fault)[:200]
        raise UnreachableError(
            "E473", f"无法读取镜像库：{said}", f"the registry cannot be read: {said}", "yrd status"
        ) from fault

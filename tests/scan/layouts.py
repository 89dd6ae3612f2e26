"""OCI image layouts as skopeo writes them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from backports import zstd

from scan.places.images import MANIFESTS

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "tar+zstd": zstd.compress,
    "tar+gzip": gzip.compress,
    "tar": lambda data: data,
}


def layout(folder: Path, files: Mapping[str, bytes], kind: str = "tar+zstd", configuration: bytes = b"{}") -> None:
    """An image of one layer with these files."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))

    def put(data: bytes, media: str) -> dict[str, str]:
        digest = hashlib.sha256(data).hexdigest()
        (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (folder / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": media, "digest": f"sha256:{digest}"}

    config = put(configuration, "application/vnd.oci.image.config.v1+json")
    packed = put(PACKED[kind](layer.getvalue()), f"application/vnd.oci.image.layer.v1.{kind}")
    manifest = put(json.dumps({"config": config, "layers": [packed]}).encode(), MANIFESTS[0])
    (folder / "index.json").write_text(json.dumps({"manifests": [manifest]}))

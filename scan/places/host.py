"""This host's own part: Pulumi's states, logs of the toolchain, leftovers of runs, our running programs."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from scan.types import Piece, Place, windows


def files(place: Place, folders: Iterable[Path]) -> Iterator[Piece]:
    """Every file below, unpacked where it ends in `.gz`."""
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            try:
                data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            except FileNotFoundError:
                continue
            yield from (Piece(place, str(path), window) for window in windows(data))


def processes(homes: Iterable[Path]) -> Iterator[Piece]:
    """Programs of this host that run in one of `homes` or from there; others are not ours to read."""
    inside = tuple(f"{home}/" for home in homes)
    for folder in sorted(Path("/proc").glob("[0-9]*")):
        try:
            stands = {f"{(folder / link).readlink()}/" for link in ("cwd", "exe")}
            if any(place.startswith(inside) for place in stands):
                data = b"\n".join((folder / part).read_bytes() for part in ("cmdline", "environ"))
                name = (folder / "comm").read_text().strip()
                yield Piece("processes", f"host:{folder.name} {name}", data.replace(b"\0", b"\n"))
        except OSError:
            continue

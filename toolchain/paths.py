"""Where the toolchain keeps what it built: outside the checkout, for every checkout (XDG Base Directory)."""

from __future__ import annotations

import os
from pathlib import Path

#: This room.
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def cache_root() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/yrd`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "yrd"


def tools() -> Path:
    return cache_root() / "tools"


def logs() -> Path:
    path = cache_root() / "log"
    path.mkdir(parents=True, exist_ok=True)
    return path

"""What providers tell the driver while they work: one JSON line per event, in the file that YRD_JOURNAL names.

Providers run in processes of the Pulumi engine; this is the only way by which a task's name or Ansible's counts reach the
progress display. Without the variable (stock `pulumi`) nothing is written.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def note(kind: str, **facts: Any) -> None:
    """Append one event; a line is short enough that concurrent appends do not mix (POSIX O_APPEND)."""
    path = os.environ.get("YRD_JOURNAL")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "at": time.time(), **facts}, ensure_ascii=False) + "\n")


def events(path: Path) -> Iterator[dict[str, Any]]:
    """Events so far; a line that is still being written is left for the next call."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            yield json.loads(line)

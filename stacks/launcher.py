"""Process of the engine's dynamic providers, which must not outlive the engine.

When `yrd up` is killed, nobody tells this process; what it has started (Ansible, Helm, SSH) would go on beside the next run.
So it watches its parent and takes its own descendants with it.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Processes below `pid`, deepest last."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            # The name in parentheses may contain anything, the fields after it are numbers.
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def follow(parent: int) -> None:
    """End with the parent: descendants first, so that none is left to init."""
    while os.getppid() == parent:
        time.sleep(0.2)
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(137)


def start(parent: int | None = None) -> None:
    """Follow the parent from a thread of its own."""
    threading.Thread(target=follow, args=(parent or os.getppid(),), daemon=True).start()


if __name__ == "__main__":
    start()
    sys.argv = ["pulumi.dynamic", *sys.argv[1:]]
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)

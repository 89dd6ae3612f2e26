"""Tell whoever holds a certificate that it has a new one: units by systemd, static pods by ending their process.

A static pod's process is ended and kubelet starts its container again (`restartPolicy: Always`). Moving the manifest
out and in would lose the API server for good if this run died in between.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from clients import state
from model.errors import YrdError

STATIC_POD = "static-pod:"
#: Seconds in which kubelet has a new process; it waits at most ten before the first restart.
RETURN = 90.0


class Pending:
    """Reloads that are owed, on the disk, so that a run that dies before them leaves them to the next."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def owed(self) -> tuple[str, ...]:
        try:
            return tuple(json.loads(self.path.read_text()))
        except (OSError, ValueError):
            return ()

    def owe(self, targets: Iterable[str]) -> None:
        if more := dict.fromkeys((*self.owed(), *targets)):
            state.write_atomic(self.path, json.dumps(list(more)))

    def pay(self) -> tuple[str, ...]:
        """Reload everything that is owed, in order. Raises YrdError (E312); what failed is still owed."""
        done = []
        for target in self.owed():
            _static_pod(target.removeprefix(STATIC_POD)) if target.startswith(STATIC_POD) else _unit(target)
            done.append(target)
        self.path.unlink(missing_ok=True)
        return tuple(done)


def _unit(unit: str) -> None:
    """Reload a running unit, restart one that cannot reload; one that does not run reads the files when it starts."""
    if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode != 0:
        return
    done = subprocess.run(["systemctl", "reload-or-restart", unit], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise YrdError("E312", f"{unit} 未能重新加载：{done.stderr}", f"{unit} did not reload: {done.stderr}")


def _static_pod(name: str) -> None:
    """End the process and wait for its successor. Nothing to do where it does not run."""
    before = processes(name)
    for pid in before:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + RETURN
    while before and not processes(name) - before:
        if time.monotonic() > deadline:
            raise YrdError("E312", f"静态 Pod {name} 未恢复", f"static pod {name} did not come back", *_FIX)
        time.sleep(0.5)


_FIX = ("查看 kubelet 日志", "look at the log of kubelet")


def processes(name: str) -> set[int]:
    """Processes whose program is called `name`."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            program = (folder / "cmdline").read_bytes().split(b"\0")[0]
        except OSError:
            continue
        if os.path.basename(program.decode(errors="replace")) == name:  # noqa: PTH119 - not a path of ours
            found.add(int(folder.name))
    return found

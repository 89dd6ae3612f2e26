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
from collections.abc import Callable, Iterable
from pathlib import Path

from clients import state
from model.errors import YrdError

STATIC_POD = "static-pod:"
#: Control group of everything that kubelet runs, whichever driver it uses.
KUBELET = "/kubepods"
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

    def pay(self, tell: Callable[[str], None]) -> tuple[str, ...]:
        """Tell everybody to whom it is owed, in order. An error of `tell` passes; all of it is then still owed."""
        targets = self.owed()
        for target in targets:
            tell(target)
        self.path.unlink(missing_ok=True)
        return targets


def reload(target: str) -> None:
    """Make one holder read its files again. Raises YrdError (E312)."""
    if target.startswith(STATIC_POD):
        restart_static_pod(target.removeprefix(STATIC_POD))
    else:
        _unit(target)


def _unit(unit: str) -> None:
    """Reload a running unit, restart one that cannot reload; one that does not run reads the files when it starts."""
    if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode != 0:
        return
    done = subprocess.run(["systemctl", "reload-or-restart", unit], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise YrdError("E312", f"{unit} 未能重新加载：{done.stderr}", f"{unit} did not reload: {done.stderr}")


def restart_static_pod(name: str, within: str = KUBELET) -> None:
    """End the pod's process and wait for its successor. Nothing to do where it does not run. Raises YrdError (E312)."""
    before = processes(name, within)
    for pid in before:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + RETURN
    while before and not processes(name, within) - before:
        if time.monotonic() > deadline:
            raise YrdError("E312", f"静态 Pod {name} 未恢复", f"static pod {name} did not come back", *_FIX)
        time.sleep(0.5)


_FIX = ("查看 kubelet 日志", "look at the log of kubelet")


def processes(name: str, within: str, proc: Path = Path("/proc")) -> set[int]:
    """Processes whose program is called `name` in a control group below `within`; a namesake elsewhere is not ours."""
    found = set()
    for folder in proc.glob("[0-9]*"):
        try:
            program = (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            groups = (folder / "cgroup").read_text()
        except OSError:
            continue
        if program.rpartition("/")[2] == name and within in groups:
            found.add(int(folder.name))
    return found

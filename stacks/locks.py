"""Locks of the file backend: one of a dead process on this host is taken away, a live or foreign one never is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients import state
from model.errors import BadInputError


class StackLockedError(BadInputError):
    """Another run works on the stack; nothing was changed."""

    def __init__(self, stack: str, holder: dict[str, Any]) -> None:
        who = f"{holder.get('username')}@{holder.get('hostname')}, process {holder.get('pid')}, since {holder.get('timestamp')}"
        super().__init__(
            "E182",
            f"栈 {stack} 正被占用：{who}",
            f"stack {stack} is being worked on by {who}",
            "等它结束",
            "wait until it has ended",
        )


@dataclass(frozen=True)
class Lock:
    file: Path
    holder: dict[str, Any]

    def dead(self) -> bool:
        """Whether the holder was a process of this host that is gone."""
        pid = int(self.holder.get("pid") or 0)
        return self.holder.get("hostname") == socket.gethostname() and not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def held(environment: str, project: str, stack: str) -> list[Lock]:
    """Locks of one stack in the environment's file backend; none where another backend is used, which keeps its own."""
    folder = state.environment(environment) / "pulumi" / ".pulumi" / "locks" / "organization" / project / stack
    return [Lock(f, json.loads(f.read_text() or "{}")) for f in sorted(folder.glob("*.json"))]


def release_dead(environment: str, project: str, stack: str, tell: Callable[[str], None]) -> None:
    """Take away dead locks. Raises StackLockedError (E182, exit 2) for any other."""
    for lock in held(environment, project, stack):
        if not lock.dead():
            raise StackLockedError(stack, lock.holder)
        lock.file.unlink()
        tell(f"took away the lock of process {lock.holder.get('pid')}, which is gone")

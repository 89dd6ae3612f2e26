"""Run a program on this host and get its output, or one error that shows command, exit code and what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from model.errors import YrdError


class CommandError(YrdError):
    """A program on this host ended with another code than 0."""

    def __init__(self, command: Sequence[str], code: int, said: str) -> None:
        shown = " ".join(command)[:200]
        tail = "\n".join(said.strip().splitlines()[-15:])
        super().__init__(
            "E200",
            f"命令失败（退出码 {code}）：{shown}\n{tail}",
            f"command failed with exit code {code}: {shown}\n{tail}",
        )
        self.returncode = code
        self.said = said


def run(
    command: Sequence[str],
    *,
    check: bool = True,
    stdin: str | bytes | None = None,
    timeout: float = 300,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `command` without a shell. `env` is added to ours. Raises CommandError unless `check` is false; `timeout` is in seconds."""
    text = stdin.decode() if isinstance(stdin, bytes) else stdin
    try:
        done = subprocess.run(
            list(command),
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
    except subprocess.TimeoutExpired as late:
        raise CommandError(command, 124, f"no end after {timeout:.0f} s") from late
    except FileNotFoundError as missing:
        raise CommandError(command, 127, f"{command[0]}: not found") from missing
    if check and done.returncode != 0:
        raise CommandError(command, done.returncode, done.stdout + done.stderr)
    return done

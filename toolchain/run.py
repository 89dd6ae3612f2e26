"""Run a build's programs with everything that they say in one log per thing that is built."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from model.errors import YrdError
from toolchain.paths import logs

#: Lines of the log that an error repeats.
_TAIL = 12


class BuildError(YrdError):
    """A build failed; the message names the log and repeats its last lines."""

    def __init__(self, name: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").strip().splitlines()[-_TAIL:])
        super().__init__(
            "E211",
            f"构建 {name} 失败，日志 {log}：\n{tail}",
            f"building {name} failed, log {log}:\n{tail}",
            "排除后重试，已完成的部分会保留",
            "mend and repeat; what is done is kept",
        )


def logged(name: str, command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run `command`; `env` is added to ours. Raises BuildError when it ends with another code than 0."""
    log = logs() / f"{name}.log"
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%FT%TZ', time.gmtime())} $ {' '.join(command)}\n")
        file.flush()
        try:
            code = subprocess.run(
                list(command),
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        except FileNotFoundError:
            file.write(f"{command[0]}: not found on PATH\n")
            code = 127
    if code != 0:
        raise BuildError(name, log)


def asked(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, seconds: float = 30
) -> str:
    """What a program says on both channels; empty when it is missing, fails or takes too long. For looking only."""
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

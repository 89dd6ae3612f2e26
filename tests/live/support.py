"""What the live tests share: the command as an operator runs it, and a way to stand on a province's wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clients import wait
from clients.prober import Request
from model.derive import Plan, derive
from model.load import find_root, load

#: Another one for work on a single file: `YRD_LIVE_KEEP=1 YRD_LIVE_ENVIRONMENT=local pytest tests/live/test_85_canary.py`.
ENVIRONMENT = os.environ.get("YRD_LIVE_ENVIRONMENT", "test")
#: A place on Shanghai's wire that is none of its machines (fixture `wire`).
SPACE, PORT = f"yrd-{ENVIRONMENT}-intruder", "intruder"
ROOT = Path(__file__).resolve().parents[2]


def plan(environment: str = ENVIRONMENT) -> Plan:
    now = datetime.now(UTC)
    return derive(load(find_root(), now), environment, now)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "scripts.yrd", *words]


def start(*words: str, log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Begin a command in a session of its own; what it says goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command(*words), cwd=ROOT, stdout=out, stderr=out, start_new_session=True, env={**os.environ, **(env or {})}
        )


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def yrd(
    *words: str,
    code: int | None = 0,
    env: dict[str, str] | None = None,
    timeout: float = 900,
    prefix: Sequence[str] = (),
    cwd: Path = ROOT,
) -> Done:
    """Run the command in `test`; fails the test, with everything that was said, unless it ends with `code`."""
    done = subprocess.run(
        [*prefix, *command(*words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "YRD_ENVIRONMENT": ENVIRONMENT, **(env or {})},
    )
    if code is not None:
        assert done.returncode == code, (
            f"yrd {' '.join(words)} -> {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
    return Done(done.returncode, done.stdout, done.stderr)


def inside(machine: str, script: str, *, check: bool = True) -> str:
    """A shell command on a machine of `test`, as whoever holds the host can run it."""
    done = subprocess.run(
        ["podman", "exec", f"yrd-{ENVIRONMENT}-{machine}", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, f"{machine}: {script}\n{done.stdout}{done.stderr}"
    return done.stdout


def kubectl(province: str, *words: str, code: int | None = 0, stdin: str = "") -> str:
    """kubectl with the administrator's credential on the province's own machine; both streams, since a refusal is on the second."""
    done = subprocess.run(
        [
            *("podman", "exec", "-i", f"yrd-{ENVIRONMENT}-{province}-1"),
            *("/opt/yrd/bin/kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", *words),
        ],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if code is not None:
        assert done.returncode == code, (
            f"kubectl {words} in {province} -> {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout + done.stderr


_ONCE = """
import asyncio, json, sys
from clients.prober import Request
asked = Request(**json.loads(sys.stdin.read()))
async def once():
    reader, writer = await asyncio.open_connection(asked.host, asked.port, ssl=asked.context(), server_hostname=asked.server_name)
    writer.write(asked.text())
    return await reader.read()
print(int(asyncio.run(asyncio.wait_for(once(), 10)).split()[1]))
"""


def status(space: str, request: Request) -> int:
    """HTTP status of one request that is made inside a network namespace; keys and tokens go by standard input."""
    done = subprocess.run(
        ["ip", "netns", "exec", space, sys.executable, "-c", _ONCE],
        cwd=ROOT,
        input=json.dumps(asdict(request)),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr[-800:]
    return int(done.stdout)


def processes() -> dict[int, str]:
    """Command line by process id, of the whole host."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def workers_gone() -> None:
    """Wait until nothing works on a stack of `test` any more: a killed command's helpers end by themselves."""
    wait.until(
        "workers of a killed run to end",
        lambda: not any("stacks.worker" in line and f" {ENVIRONMENT}." in line for line in processes().values()),
        seconds=120,
    )

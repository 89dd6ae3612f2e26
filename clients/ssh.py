"""Reach a machine by SSH: generated key, pinned host key, one multiplexed connection per machine.

The same path serves a local container and a real server (D2).
"""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from clients import shell, state
from model.derive import MachinePlan, Site
from model.errors import UnreachableError


class SshError(UnreachableError):
    """The machine did not answer, or its host key is not the pinned one."""

    def __init__(self, machine: str, said: str) -> None:
        tail = "\n".join(said.strip().splitlines()[-3:])
        changed = "host key verification failed" in said.lower()
        code = "E190" if changed else "E193"
        en = "its host key is not the pinned one" if changed else "does not answer by SSH"
        zh = "主机密钥与固定的不符" if changed else "SSH 无应答"
        super().__init__(
            code,
            f"机器 {machine} {zh}：{tail}",
            f"machine {machine} {en}: {tail}",
            "先运行 yrd status",
            "look with `yrd status`, start it with `yrd start`",
        )


@dataclass(frozen=True)
class Ssh:
    """A way to one machine. Nothing is opened before the first command."""

    machine: str
    address: str
    user: str
    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "ssh_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def options(self) -> list[str]:
        """Options for `ssh`; Ansible and testinfra use the same ones."""
        # Unix socket paths are limited to 107 bytes, hence a digest under /run and not the state folder.
        socket = (
            Path("/run/user/0" if Path("/run/user/0").is_dir() else "/tmp")  # noqa: S108
            / f"yrd-{hashlib.sha256(f'{self.folder}{self.machine}'.encode()).hexdigest()[:16]}"
        )
        values = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "HostKeyAlias": self.machine,
            "ControlMaster": "auto",
            "ControlPath": socket,
            "ControlPersist": "60",
            "ConnectTimeout": "5",
            "ServerAliveInterval": "10",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        return ["-F", "none", *(part for name, value in values.items() for part in ("-o", f"{name}={value}"))]

    def command(self, *words: str) -> list[str]:
        """`ssh ... user@address words`, for callers that want the terminal."""
        return ["ssh", *self.options(), f"{self.user}@{self.address}", *words]

    def run(self, command: str, *, stdin: str | None = None, check: bool = True, timeout: float = 120) -> str:
        """Output of a shell command on the machine. Raises SshError when it cannot be reached, CommandError when the command fails."""
        done = shell.run(self.command(command), stdin=stdin, check=False, timeout=timeout)
        if done.returncode == 255:
            raise SshError(self.machine, done.stderr)
        if check and done.returncode != 0:
            raise shell.CommandError([f"[{self.machine}]", command], done.returncode, done.stdout + done.stderr)
        return done.stdout

    @contextmanager
    def stream(self, command: str) -> Iterator[IO[bytes]]:
        """Standard output of a command while it runs. Raises SshError when the machine cannot be reached, CommandError."""
        with subprocess.Popen(
            self.command(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            yield cast("IO[bytes]", process.stdout)
            said = cast("IO[bytes]", process.stderr).read().decode(errors="replace")
        if process.returncode == 255:
            raise SshError(self.machine, said)
        if process.returncode != 0:
            raise shell.CommandError([f"[{self.machine}]", command], process.returncode, said)

    def write(self, path: str, content: str, *, owner: str = "root", mode: str = "0644") -> None:
        """Put a small file in place atomically. The content goes through standard input, never on a command line."""
        target = shlex.quote(path)
        self.run(
            f"set -e; umask 077; install -d -m 0755 $(dirname {target}); t=$(mktemp {target}.XXXXXX); cat > $t; chown {owner} $t; chmod {mode} $t; mv -f $t {target}",
            stdin=content,
        )

    def close(self) -> None:
        """End the shared connection, if one is open."""
        shell.run(["ssh", *self.options(), "-O", "exit", f"{self.user}@{self.address}"], check=False)


def connect(environment: str, site: Site, machine: MachinePlan) -> Ssh:
    """The way to a machine of a site; a real server's declared user, `root` in a local container."""
    user = machine.ssh.user if machine.ssh else "root"
    address = machine.ssh.address if machine.ssh else str(machine.address)
    return Ssh(machine.name, address, user, state.site(environment, site.name))


def ensure_key(folder: Path) -> str:
    """The site's public key; the pair is made on first use."""
    key = folder / "ssh_key"
    if not key.exists():
        shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"yrd-{folder.name}", "-f", str(key)])
    return (folder / "ssh_key.pub").read_text().strip()


def pin(folder: Path, machine: str, host_key: str) -> None:
    """Remember the one host key that `machine` may show."""
    path = folder / "known_hosts"
    wanted = f"{machine} {' '.join(host_key.split()[:2])}"
    lines = [
        line for line in (path.read_text().splitlines() if path.exists() else []) if not line.startswith(f"{machine} ")
    ]
    state.write_atomic(path, "\n".join([*lines, wanted]) + "\n")

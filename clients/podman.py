"""Local machines: systemd containers on a disk of our own (an overlay), so that the disk outlives the container.

Why these flags: see docs/surprises.md; on cgroup v1 `--systemd=always` would mount the host's hierarchy into every machine.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from clients import shell, state

PODMAN = ["podman", "--runtime", "runc"]
#: What containerd, the kubelet and etcd write must not lie on an overlay.
VOLUMES = {"containerd": "/var/lib/containerd", "kubelet": "/var/lib/kubelet", "etcd": "/var/lib/etcd"}


@dataclass(frozen=True)
class Disk:
    """A machine's disk on this host."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def mounted(self) -> bool:
        return str(self.root) in {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()}

    def mount(self, lower: list[Path]) -> None:
        """Mount the overlay if it is not; `lower` lists the read-only layers, upper first."""
        for name in ("upper", "work", "root", *VOLUMES):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o755)
        if not self.mounted():
            layers = ":".join(str(path) for path in lower)
            options = f"lowerdir={layers},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
            shell.run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)])

    def unmount(self) -> None:
        if self.mounted():
            shell.run(["umount", "-l", str(self.root)])

    def remove(self) -> None:
        self.unmount()
        if self.folder.exists():
            shutil.rmtree(self.folder)


def cgroup_flags() -> list[str]:
    """Private cgroup namespace either way; systemd mode only where the host has cgroup v2."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return ["--systemd=always", "--cgroupns=private"]
    return [
        "--systemd=false",
        "--cgroupns=private",
        "--stop-signal",
        "SIGRTMIN+3",
        "--tmpfs",
        "/run:rw,nosuid,nodev,mode=755,size=256m",
        "--tmpfs",
        "/run/lock",
        "--tmpfs",
        "/tmp:rw,nosuid,nodev,mode=1777,size=512m",  # noqa: S108
    ]


def status(name: str) -> str:
    """`running`, `exited`, ... or `absent`."""
    done = shell.run([*PODMAN, "container", "inspect", "--format", "{{.State.Status}}", name], check=False)
    return done.stdout.strip() if done.returncode == 0 else "absent"


def binds(name: str) -> set[str]:
    """Places inside a machine at which something of this host is mounted."""
    form = "{{range .Mounts}}{{.Destination}}\n{{end}}"
    return set(shell.run([*PODMAN, "container", "inspect", "--format", form, name], check=False).stdout.split())


def containers(prefix: str) -> set[str]:
    """Containers of one environment, whatever their state."""
    done = shell.run([*PODMAN, "ps", "-a", "--format", "json"], check=False)
    rows = json.loads(done.stdout or "[]")
    return {n for row in rows for n in row.get("Names", ()) if n.startswith(f"{prefix}-")}


def create(name: str, host: str, disk: Disk, binds: dict[Path, str]) -> None:
    """Create and start a machine; `binds` are read-only mounts from this host."""
    state.write_atomic(
        disk.folder / "resolv.conf",
        "# There is no name server here: fail at once.\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        0o644,
    )
    mounts = [
        f"{disk.folder / folder}:{target}{':shared' if folder == 'kubelet' else ''}"
        for folder, target in VOLUMES.items()
    ]
    mounts += [
        f"{disk.folder / 'resolv.conf'}:/etc/resolv.conf:ro",
        *(f"{source}:{target}:ro" for source, target in binds.items()),
    ]
    shell.run(
        [
            *PODMAN,
            "run",
            "-d",
            "--name",
            name,
            "--hostname",
            host,
            "--privileged",
            "-e",
            "container=podman",
            "--stop-timeout",
            "30",
            *cgroup_flags(),
            "--ulimit",
            "nofile=20000:20000",
            "--ulimit",
            "nproc=10000:10000",
            "--security-opt",
            "seccomp=unconfined",
            f"--network=ns:/run/netns/{name}",
            *(part for mount in mounts for part in ("-v", mount)),
            "--rootfs",
            str(disk.root),
            "/sbin/init",
        ]
    )


def start(name: str) -> None:
    shell.run([*PODMAN, "start", name])


def stop(name: str) -> None:
    """Shut down in order; systemd inside gets its signal and 30 s."""
    shell.run([*PODMAN, "stop", "-t", "30", name], check=False)


def kill(name: str) -> None:
    shell.run([*PODMAN, "kill", "-s", "KILL", name], check=False)


def remove(name: str) -> None:
    shell.run([*PODMAN, "rm", "-f", "-t", "3", name], check=False)

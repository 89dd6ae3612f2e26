"""Memory of local machines as the kernel accounts for it: working set, i.e. usage less inactive file pages (as cAdvisor counts)."""

from __future__ import annotations

from pathlib import Path

from clients import shell
from clients.podman import PODMAN

CGROUPS = Path("/sys/fs/cgroup")


def working_set(container: str) -> int | None:
    """Bytes of a container's whole cgroup, None when it does not run."""
    done = shell.run([*PODMAN, "container", "inspect", "--format", "{{.State.Pid}}", container], check=False)
    pid = done.stdout.strip()
    if done.returncode or not pid.isdigit() or pid == "0":
        return None
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        return read(CGROUPS, top(lines, container_id(container)))
    except (OSError, ValueError, KeyError):
        return None


def container_id(container: str) -> str:
    return shell.run([*PODMAN, "container", "inspect", "--format", "{{.Id}}", container]).stdout.strip()


def top(lines: list[str], identity: str) -> tuple[str, str]:
    """(controller, path) of the container's own cgroup from `/proc/PID/cgroup`; init may sit in a child of it.

    Raises KeyError when no line names the container.
    """
    for controller in ("memory", ""):
        for line in lines:
            _, names, path = line.split(":", 2)
            if controller in names.split(",") and identity in path:
                parts = path.split("/")
                depth = next(i for i, part in enumerate(parts) if identity in part)
                return controller, "/".join(parts[: depth + 1])
    raise KeyError(identity)


def read(root: Path, place: tuple[str, str]) -> int:
    """Working set of one cgroup; version 1 by controller, version 2 unified."""
    controller, path = place
    folder = root / controller / path.lstrip("/")
    usage, key = ("memory.usage_in_bytes", "total_inactive_file") if controller else ("memory.current", "inactive_file")
    used = int((folder / usage).read_text())
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return max(0, used - int(stat[key]))

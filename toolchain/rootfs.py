"""Root file systems from Debian packages: the machine's, the hub's layer on it, and the base of images.

An entry's key is its list of packages and the recipe; beside it `<entry>.packages` records the versions that came.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from toolchain import debian
from toolchain.debian import mirror, packages
from toolchain.paths import cache_root
from toolchain.run import logged

_SSHD = """[Service]
# Host keys are this machine's own, made at its first start.
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
"""
_MANAGER = "[Manager]\nDefaultTimeoutStopSec=8s\n"
#: Units that only make sense with hardware or consoles of one's own.
_MASKED = (
    "getty.target",
    "console-getty.service",
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "systemd-logind.service",
    "systemd-firstboot.service",
    "systemd-journald-audit.socket",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-mqueue.mount",
    "dev-hugepages.mount",
    "sys-fs-fuse-connections.mount",
    "systemd-modules-load.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "nftables.service",
)


def machine_rootfs() -> Path:
    """Root file system of every machine; read-only below each machine's own disk."""
    return _entry("machine", packages()["machine"], _machine)


def hub_delta() -> Path:
    """What the hub has on top of a machine, as an overlay layer of its own."""
    base = machine_rootfs()
    return _entry("hub", [*packages()["hub"], base.name], lambda target: _delta(base, target, packages()["hub"]))


def image_full() -> Path:
    """The base of images with its package manager: what images add is installed onto this."""
    wanted = packages()["image-base"]
    return _entry("image-full", wanted, lambda target: debian.bootstrap("image-full", target, wanted))


def image_base() -> Path:
    """Below the images that need more than one static program: no package manager, no interpreter, no `su`."""
    full, slim = image_full(), packages()["image-slim"]
    return _entry("image-base", [full.name, *slim["packages"], *slim["files"]], lambda target: _slim(full, target))


def _slim(full: Path, target: Path) -> None:
    # Not `shutil.copytree`: it would read the devices in /dev, some of which never end.
    logged("image-base", ["cp", "-a", "--reflink=auto", str(full), str(target)])
    slim = packages()["image-slim"]
    for package in slim["packages"]:
        for inside in debian.files_of(full, package):
            # /bin and /lib are links to folders that all packages share.
            if not (full / inside).is_dir():
                (target / inside).unlink(missing_ok=True)
    debian.remove(target, slim["files"])
    # Nobody becomes somebody else in a container.
    for path in target.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o6000:
            path.chmod(path.stat().st_mode & 0o1777)


def _entry(name: str, wanted: list[str], make: Callable[[Path], None]) -> Path:
    parts = [debian.RECIPE, packages()["suite"], debian.DPKG, *sorted(wanted)]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    target = cache_root() / "rootfs" / f"{name}-{key}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            part = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}-"))
            part.chmod(0o755)
            try:
                make(part / "root")
                target.with_name(f"{target.name}.packages").write_text(debian.installed(part / "root"))
                (part / "root").rename(target)
            finally:
                shutil.rmtree(part)
    return target


def _machine(target: Path) -> None:
    debian.bootstrap("machine-rootfs", target, packages()["machine"])
    for path in target.glob("etc/ssh/ssh_host_*"):
        path.unlink()
    (target / "etc/machine-id").write_text("")
    (target / "etc/hostname").unlink(missing_ok=True)
    dropins = {
        "etc/systemd/system/ssh.service.d/10-host-keys.conf": _SSHD,
        "etc/systemd/system.conf.d/10-stop.conf": _MANAGER,
    }
    for inside, text in dropins.items():
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        (target / inside).write_text(text)
    for unit in _MASKED:
        (target / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (target / "etc/systemd/system" / unit).symlink_to("/dev/null")
    # Mount points, and a home for root's key.
    for folder in ("opt/yrd/bin", "opt/yrd/python", "opt/yrd/apps", "root/.ssh"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    (target / "root/.ssh").chmod(0o700)


def _delta(base: Path, upper: Path, wanted: list[str]) -> None:
    """Only what `wanted` adds; services are enabled by a role, when it has configured them."""
    with debian.overlay(base, upper) as root:
        debian.install("hub-delta", root, wanted)
    for unit in wanted:
        debian.remove(upper, [f"etc/systemd/system/*.wants/{unit}*"])


__all__ = ["hub_delta", "image_base", "image_full", "machine_rootfs", "mirror", "packages"]

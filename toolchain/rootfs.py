"""Root file systems bootstrapped from Debian packages: the machine's, the hub's delta on it, and the base of images.

The mirror and its trust come from this host's own apt configuration, so that a site behind a private mirror and CA needs
nothing else. An entry's key is the list of packages.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clients import shell
from model.errors import YrdError
from toolchain.paths import HERE, cache_root, logs

RECIPE = "3"
#: Takes the weight of documentation and translations out at unpacking.
EXCLUDES = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")

_SSHD = """[Service]
# Host keys are this machine's own, made at its first start.
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
"""
_MANAGER = "[Manager]\nDefaultTimeoutStopSec=8s\n"
#: Units that only make sense with hardware or consoles of one's own.
_MASKED = ("getty.target", "console-getty.service", "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-logind.service", "systemd-firstboot.service",
           "systemd-journald-audit.socket", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "dev-mqueue.mount", "dev-hugepages.mount", "sys-fs-fuse-connections.mount",
           "systemd-modules-load.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "nftables.service")


def packages() -> dict[str, Any]:
    """`debian.yaml`."""
    return dict(YAML(typ="safe").load(HERE / "debian.yaml"))


def machine_rootfs() -> Path:
    """Root file system of every machine; read-only below each machine's own disk."""
    return _entry("machine", packages()["machine"], _machine)


def hub_delta() -> Path:
    """What the hub has on top of a machine, as an overlay layer of its own."""
    base = machine_rootfs()
    return _entry("hub", [*packages()["hub"], base.name], lambda target: _delta(base, target, packages()["hub"]))


def image_base() -> Path:
    """Small root file system below the images that need more than one static program."""
    return _entry("image-base", packages()["image-base"], lambda target: _bootstrap(target, packages()["image-base"]))


def _entry(name: str, wanted: list[str], make: Any) -> Path:
    key = hashlib.sha256("\n".join([RECIPE, packages()["suite"], *EXCLUDES, *sorted(wanted)]).encode()).hexdigest()[:16]
    target = cache_root() / "rootfs" / f"{name}-{key}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            part = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}-"))
            part.chmod(0o755)
            try:
                make(part / "root")
                (part / "root").rename(target)
            finally:
                shutil.rmtree(part)
    return target


def mirror() -> str:
    """Address of the first Debian mirror that this host's apt uses. Raises YrdError E212 when there is none."""
    for line in shell.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)"]).stdout.splitlines():
        words = line.split()
        if words[1:] == ["bookworm", "main", "Packages"] or (len(words) > 3 and words[1].endswith("bookworm") and words[2] == "main"):
            return words[0]
    raise YrdError("E212", "本机 apt 未配置 Debian 12 源", "this host's apt knows no Debian 12 mirror", "在 /etc/apt/sources.list.d 中加入镜像源并运行 apt-get update",
                   "add a mirror of bookworm to /etc/apt/sources.list.d and run apt-get update")


def _bootstrap(target: Path, wanted: list[str]) -> None:
    log = logs() / "debootstrap.log"
    with log.open("a") as file:
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(wanted)}", packages()["suite"], str(target), mirror()],
                              stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise YrdError("E213", f"debootstrap 失败，日志 {log}：\n{tail}", f"debootstrap failed, log {log}:\n{tail}")
    _trim(target)


def _trim(target: Path) -> None:
    for pattern in EXCLUDES:
        folder = target / pattern.strip("/*")
        if folder.exists():
            shutil.rmtree(folder)
            folder.mkdir()
    for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*", "var/log/*.log", "var/log/apt/*", "var/cache/debconf/*-old", "var/cache/ldconfig/*"):
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _machine(target: Path) -> None:
    _bootstrap(target, packages()["machine"])
    for path in target.glob("etc/ssh/ssh_host_*"):
        path.unlink()
    (target / "etc/machine-id").write_text("")
    (target / "etc/hostname").unlink(missing_ok=True)
    dropins = {"etc/systemd/system/ssh.service.d/10-host-keys.conf": _SSHD, "etc/systemd/system.conf.d/10-stop.conf": _MANAGER}
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


@contextmanager
def overlay(base: Path, upper: Path) -> Iterator[Path]:
    work, merged = upper.with_name("work"), upper.with_name("merged")
    for folder in (upper, work, merged):
        folder.mkdir(parents=True, exist_ok=True)
    shell.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={base},upperdir={upper},workdir={work}", str(merged)])
    try:
        yield merged
    finally:
        shell.run(["umount", "-R", str(merged)])


def _delta(base: Path, upper: Path, wanted: list[str]) -> None:
    """Install packages on top of `base`; services must not start in a chroot, and are enabled by a role only."""
    with overlay(base, upper) as root:
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        apt_install(root, wanted)
        policy.unlink()
        for link in (*root.glob("etc/systemd/system/*.wants/prometheus*"), *root.glob("etc/systemd/system/*.wants/docker-registry*")):
            link.unlink()
        _trim(root)


def apt_install(root: Path, wanted: list[str]) -> None:
    """apt-get inside a root file system with this host's mirror, certificates and resolver, all taken away again."""
    (root / "etc/apt/sources.list").write_text(f"deb {mirror()} {packages()['suite']} main\n")
    handed = {"etc/resolv.conf": Path("/etc/resolv.conf"), "etc/ssl/certs/ca-certificates.crt": Path("/etc/ssl/certs/ca-certificates.crt")}
    kept = {inside: (root / inside).read_bytes() if (root / inside).exists() else None for inside in handed}
    for inside, source in handed.items():
        if source.exists():
            (root / inside).parent.mkdir(parents=True, exist_ok=True)
            (root / inside).write_bytes(source.read_bytes())
    config = Path("/etc/apt/apt.conf.d")
    proxies = [p for p in config.glob("*") if re.search(r"proxy|https?", p.read_text(errors="replace"), re.IGNORECASE)]
    for path in proxies:
        shutil.copyfile(path, root / "etc/apt/apt.conf.d" / f"90-host-{path.name}")
    try:
        env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        shell.run(["chroot", str(root), "apt-get", "update", "-q"], env=env)
        shell.run(["chroot", str(root), "apt-get", "install", "-q", "-y", "--no-install-recommends", *wanted], env=env, timeout=900)
    finally:
        for inside, content in kept.items():
            (root / inside).unlink(missing_ok=True) if content is None else (root / inside).write_bytes(content)
        for path in proxies:
            (root / "etc/apt/apt.conf.d" / f"90-host-{path.name}").unlink()


__all__ = ["hub_delta", "image_base", "machine_rootfs", "mirror", "packages"]

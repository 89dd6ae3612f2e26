"""What `doctor` looks at: this host as it is, collected once. Changes nothing; judging is in `doctor.py`."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from clients import shell
from model.errors import YrdError
from toolchain import images, rootfs
from toolchain.paths import cache_root
from toolchain.spec import catalogue, lookup

#: A program, or a file, that shows that a Debian package is there, where its name is another.
SHOWN_BY = {
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "chromium-driver": "chromedriver",
    "fonts-noto-cjk": "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "iproute2": "ip",
    "libnss3-tools": "certutil",
    "maven": "mvn",
    "nftables": "nft",
    "openjdk-17-jre-headless": "java",
    "openssh-client": "ssh",
    "postgresql": "/usr/lib/postgresql/15/bin/postgres",
}
#: Each in an own network namespace that is gone when the probe ends.
PROBES = {
    "veth": "ip link add probe0 type veth peer name probe1",
    "bridge": "ip link add probe0 type bridge",
    "nf_tables": "nft add table inet probe",
}
#: Seconds for one question to a registry.
_PATIENCE = 25.0


@dataclass(frozen=True)
class Facts:
    """One look at a host. Sizes in bytes; `None` where it could not be told."""

    root: bool
    packages: dict[str, dict[str, bool]]  # verb -> Debian package -> there
    podman: tuple[int, ...] | None
    cgroup: int
    kernel: dict[str, bool]
    inotify: int
    pids: int
    cpus: int
    memory: int
    disk_free: int
    cached: int
    routes: tuple[tuple[str, str], ...]  # (destination, device)
    go: tuple[int, ...] | None
    go_wanted: tuple[int, ...]
    registries: dict[str, bool | None] = field(default_factory=dict)
    unmade: tuple[str, ...] = ()


def collect(*, online: bool = True) -> Facts:
    """Look at this host; `online` asks the three registries for one small thing each, by their ordinary clients."""
    place = _existing(cache_root())
    return Facts(
        root=os.geteuid() == 0,
        packages={verb: {p: there(p) for p in wanted} for verb, wanted in rootfs.packages()["host"].items()},
        podman=_version(_said("podman", "--version")),
        cgroup=2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1,
        kernel={"overlay": "overlay" in _text("/proc/filesystems").split()} | {n: _probe(c) for n, c in PROBES.items()},
        inotify=int(_text("/proc/sys/fs/inotify/max_user_instances") or 0),
        pids=int(_text("/proc/sys/kernel/pid_max") or 0),
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disk_free=shutil.disk_usage(place).free,
        cached=_size(cache_root()),
        routes=_routes(),
        go=_version(_said("go", "env", "GOVERSION", env={"GOTOOLCHAIN": "local"})),
        go_wanted=go_wanted(),
        registries=_registries() if online else {},
        unmade=unmade(),
    )


def there(package: str) -> bool:
    """Whether a Debian package's program or file is on this host."""
    shown = SHOWN_BY.get(package, package)
    if shown.startswith("/"):
        return Path(shown).exists()
    folders = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/libexec/{shown}"
    return shutil.which(shown, path=folders) is not None


def unmade() -> tuple[str, ...]:
    """Tools and images that are not in the cache yet, so that registries are still needed."""
    tools = [t.name for t in catalogue().values() if not t.entry.exists()]
    return (*tools, *(f"image {n}" for n, ref in images.references().items() if not ref.digest))


def go_wanted() -> tuple[int, ...]:
    """The newest Go that a module file asks for."""
    files = {t.lock_files[0] for t in catalogue().values() if t.kind == "go"}
    found = [_version(m.group(1)) for f in files if (m := re.search(r"^go (\S+)", f.read_text(), re.MULTILINE))]
    return max(v for v in found if v)


def _registries() -> dict[str, bool | None]:
    asks: dict[str, Callable[[], bool | None]] = {"Debian": _ask_debian, "PyPI": _ask_pypi, "Go": _ask_go}
    with ThreadPoolExecutor(len(asks)) as pool:
        running = {name: pool.submit(ask) for name, ask in asks.items()}
        return {name: future.result() for name, future in running.items()}


def _ask_debian() -> bool:
    try:
        release = f"{rootfs.mirror().rstrip('/')}/dists/{rootfs.packages()['suite']}/InRelease"
    except YrdError:
        return False
    with tempfile.TemporaryDirectory() as folder:
        _said("/usr/lib/apt/apt-helper", "download-file", release, f"{folder}/InRelease")
        return Path(folder, "InRelease").exists()


def _ask_pypi() -> bool:
    return "hvac" in _said(sys.executable, "-m", "pip", "index", "versions", "hvac", "--disable-pip-version-check")


def _ask_go() -> bool | None:
    if not shutil.which("go"):
        return None
    kube = lookup("kube").version
    with tempfile.TemporaryDirectory() as folder:
        env = {
            "GOMODCACHE": folder,
            "GOFLAGS": "-modcacherw",
            "GO111MODULE": "on",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }
        return kube in _said("go", "list", "-m", f"k8s.io/kubernetes@{kube}", env=env, cwd=Path(folder))


def _probe(command: str) -> bool:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    program = "export PATH=$PATH:/usr/sbin:/sbin; " + command + " && echo yes"
    return _said("unshare", *user, "--net", "sh", "-c", program).strip() == "yes"


def _routes() -> tuple[tuple[str, str], ...]:
    rows = json.loads(_said("ip", "-j", "-4", "route", "show") or "[]")
    return tuple((str(row["dst"]), str(row.get("dev", ""))) for row in rows)


def _version(said: str) -> tuple[int, ...] | None:
    """`go1.26.8`, `podman version 4.3.1` -> numbers."""
    match = re.search(r"\d+(\.\d+)+", said)
    return tuple(int(n) for n in match.group().split(".")) if match else None


def _said(*command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Output of a program; empty when it is missing, fails or takes too long: a look never fails."""
    try:
        done = shell.run(command, check=False, timeout=_PATIENCE, env=env, cwd=cwd)
    except YrdError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


def _size(folder: Path) -> int:
    """Bytes on disk below a folder, hard links counted once."""
    said = _said("du", "-s", "--block-size=1", str(folder)).split()
    return int(said[0]) if said else 0

"""Debian trees: bootstrapped, with packages, or only what packages add. All settings of apt come from this host.

Mirrors, proxies and the private CA are read from the host's own apt. They are there only while packages are installed,
on a tmpfs of a private mount namespace: nothing of them stays in a tree.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from model.errors import YrdError
from toolchain.paths import HERE
from toolchain.run import asked, logged

#: Bump when the way of making trees changes, so that every tree is made anew.
RECIPE = "4"
#: What nobody reads on a machine or in an image; licences stay.
EXCLUDES = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")
#: Takes their weight out at unpacking, and in every later installation.
DPKG = "".join(f"path-exclude={p}\n" for p in EXCLUDES) + "path-include=/usr/share/doc/*/copyright\n"
#: What an installation leaves behind.
LEFTOVERS = (
    *(f"{p.strip('/')}" for p in EXCLUDES[1:]),
    # All but `copyright`.
    "usr/share/doc/*/*[!t]",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/*",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/log/*.log",
    "var/log/apt/*",
    "etc/apt/sources.list",
    "etc/hostname",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: $1 the tree, $2 apt's settings of this host, then packages. /run is a tmpfs: what lies there is gone afterwards.
_INSTALL = """
set -e
root=$1; settings=$2; shift 2
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
cp -r "$settings" "$root/run/apt"
mkdir -p "$root/run/apt/lists/partial" "$root/run/apt/cache/archives/partial" "$root/run/lock"
for file in resolv.conf hosts; do
  [ -e "$root/etc/$file" ] || : > "$root/etc/$file"
  mount --bind "/etc/$file" "$root/etc/$file"
done
apt() { chroot "$root" apt-get -q -c /run/apt/apt.conf "$@"; }
apt update
apt upgrade -y
apt install -y --no-install-recommends "$@"
"""


@lru_cache(maxsize=1)
def packages() -> dict[str, Any]:
    """`debian.yaml`."""
    return dict(YAML(typ="safe").load(HERE / "debian.yaml"))


@dataclass(frozen=True)
class Source:
    """One line of apt's sources."""

    uri: str
    release: str
    components: tuple[str, ...]


def parse_targets(text: str, suite: str) -> tuple[Source, ...]:
    """Debian's own sources of `suite`, its updates and security included, from `uri|release|origin|component` lines."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in text.splitlines():
        uri, release, origin, component = [*line.split("|"), "", "", ""][:4]
        ours = release == suite or release.startswith(f"{suite}-")
        # Before the first `apt-get update` apt does not know the origin and repeats the name of the field.
        if ours and (origin == "Debian" or origin.startswith("$")):
            found.setdefault((uri, release), []).append(component)
    return tuple(Source(uri, release, tuple(dict.fromkeys(parts))) for (uri, release), parts in found.items())


def sources() -> tuple[Source, ...]:
    """The host's mirrors of our release. Raises YrdError E212 when it has none."""
    form, suite = "$(REPO_URI)|$(RELEASE)|$(ORIGIN)|$(COMPONENT)", str(packages()["suite"])
    found = parse_targets(asked(["apt-get", "indextargets", "--format", form, "Created-By: Packages"]), suite)
    if suite not in {s.release for s in found}:
        raise YrdError(
            "E212",
            f"本机 apt 没有 Debian {suite} 的软件源",
            f"this host's apt has no source of Debian {suite}",
            f"在 /etc/apt/sources.list.d 中加入 {suite} 的镜像",
            f"add a mirror of {suite} to /etc/apt/sources.list.d",
        )
    return found


def mirror() -> str:
    """Address of the host's mirror of the release itself. Raises YrdError E212."""
    return next(s.uri for s in sources() if s.release == packages()["suite"])


def source_lines(found: Sequence[Source]) -> str:
    """`sources.list` in one-line form; the tree's own keyring signs."""
    return "".join(f"deb {s.uri} {s.release} {' '.join(s.components)}\n" for s in found)


def acquire_lines(dump: str) -> str:
    """How the host reaches its mirrors (proxies, time-outs, validity), from `apt-config dump`; no path of the host."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries", "Acquire::ForceIPv4")
    kept = [line for line in dump.splitlines() if line.startswith(wanted) and "::CAInfo" not in line]
    return "".join(f"{line}\n" for line in kept)


def _settings(folder: Path) -> None:
    """apt's settings for the inside: sources, proxies, and the CA bundle with which this host reaches its mirrors."""
    (folder / "sources.list").write_text(source_lines(sources()))
    told = asked(["sh", "-c", "eval $(apt-config shell CA Acquire::https::CAInfo/f); echo $CA"]).strip()
    bundle = Path(told or "/etc/ssl/certs/ca-certificates.crt")
    if bundle.exists():
        shutil.copyfile(bundle, folder / "ca.pem")
    tls = 'Acquire::https::CAInfo "/run/apt/ca.pem";\n' if bundle.exists() else ""
    (folder / "apt.conf").write_text(
        acquire_lines(asked(["apt-config", "dump"])) + tls + 'Dir::Etc::sourcelist "/run/apt/sources.list";\n'
        'Dir::Etc::sourceparts "-";\nDir::State::lists "/run/apt/lists";\nDir::Cache "/run/apt/cache";\n'
        'APT::Sandbox::User "root";\nAcquire::Languages "none";\nDpkg::Use-Pty "0";\n'
    )


def bootstrap(name: str, target: Path, wanted: Sequence[str]) -> None:
    """The smallest Debian into `target`, its security updates, then packages. Raises BuildError, E212, E213."""
    if os.geteuid() != 0:
        zh, en = "制作系统目录树需要 root 权限", "making a Debian tree needs root"
        raise YrdError("E213", zh, en, "以 root 运行", "run as root")
    logged(name, ["debootstrap", "--variant=minbase", str(packages()["suite"]), str(target), mirror()])
    (target / "etc/dpkg/dpkg.cfg.d/yrd").write_text(DPKG)
    # Else debootstrap leaves this host's own.
    (target / "etc/resolv.conf").write_text("")
    install(name, target, wanted)


def install(name: str, root: Path, wanted: Sequence[str]) -> None:
    """Install packages into a tree, without starting anything. Raises BuildError."""
    guard = root / "usr/sbin/policy-rc.d"
    guard.write_text("#!/bin/sh\nexit 101\n")
    guard.chmod(0o755)
    with tempfile.TemporaryDirectory() as folder:
        _settings(Path(folder))
        private = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": _PATH, "TMPDIR": "/tmp"}  # noqa: S108
        logged(name, [*private, "/bin/sh", "-c", _INSTALL, "sh", str(root), folder, *wanted], env=environment)
    guard.unlink()
    remove(root, LEFTOVERS)


@contextmanager
def overlay(base: Path, upper: Path) -> Iterator[Path]:
    """A writable view of `base`, whose changes land in `upper`; gone at the end."""
    work, merged = upper.with_name("work"), upper.with_name("merged")
    for folder in (upper, work, merged):
        folder.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={base},upperdir={upper},workdir={work}"
    logged("overlay", ["mount", "-t", "overlay", "overlay", "-o", options, str(merged)])
    try:
        yield merged
    finally:
        logged("overlay", ["umount", "-R", str(merged)])


def remove(root: Path, patterns: Sequence[str]) -> None:
    """Remove what the patterns match below `root`; one that matches nothing is fine."""
    for pattern in patterns:
        for path in [*root.glob(pattern)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                # Gone already where two names lead to one folder.
                path.unlink(missing_ok=True)


def installed(root: Path) -> str:
    """`package version` lines of a tree: the record of what the mirror gave."""
    return asked(["dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "-W", "-f", "${Package} ${Version}\n"])


def files_of(root: Path, package: str) -> list[str]:
    """What a package put into a tree, as paths from its root without the leading slash."""
    said = asked(["dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "-L", package])
    return [line.lstrip("/") for line in said.splitlines() if line.startswith("/") and line != "/."]

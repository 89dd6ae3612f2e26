"""Runs ON a machine: standard library only, reads only. What it is asked for comes out as one tar stream.

Asked for `logs`, `processes`, `environment`: places where no secret may be. Asked for `known`: files that hold one and may,
so that its value can be looked for everywhere else; they go to the memory of who asked and nowhere else.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

Named = Iterator[tuple[str, bytes]]

#: Bytes of one entry; neighbours of one stream share `OVERLAP`.
WINDOW, OVERLAP = 4_194_304, 8_192
#: Bigger files are no configuration.
LARGEST = 1_048_576
#: Folders with credentials, and what such a file has in it.
CREDENTIALS = ("/etc", "/var/lib/yrd", "/var/lib/kubelet/pki", "/var/lib/openbao/tls", "/opt/keycloak/conf")
PRIVATE = re.compile(rb"PRIVATE KEY-----")
TELLING = re.compile(rb"PRIVATE KEY-----|secret_id|client-key-data|passw|\"token\"|[Ss]ecret", re.ASCII)
UNITS = (
    "/etc/systemd",
    "/run/systemd/system",
    "/run/systemd/transient",
    "/usr/local/lib/systemd",
    "/etc/default",
    "/etc/environment",
)
CONTAINERS = "run/containerd/io.containerd.runtime.v2.task/*/*/config.json"


def pieces(name: str, read: Callable[[int], bytes]) -> Named:
    """Windows over a stream of any length."""
    kept, number = b"", 0
    while data := read(WINDOW - OVERLAP):
        yield (f"{name}#{number}" if number else name), kept + data
        kept, number = data[-OVERLAP:], number + 1


def file(path: str) -> Named:
    """A file's content, unpacked where it is a rotated log; nothing where it vanished meanwhile."""
    try:
        if not Path(path).is_file() or Path(path).is_symlink():
            return
        with gzip.open(path, "rb") if path.endswith(".gz") else Path(path).open("rb") as source:
            yield from pieces(path, source.read)
    except OSError:
        return


def below(*folders: str) -> Iterator[str]:
    for folder in folders:
        yield from (
            [folder]
            if Path(folder).is_file()
            else sorted(str(Path(root) / name) for root, _, names in os.walk(folder) for name in names)
        )


def logs() -> Named:
    """The journal, every file under /var/log (pods' and the audit's included), what a run may have left in /tmp."""
    command = [
        "journalctl",
        "--namespace=*",
        "--no-pager",
        "--quiet",
        "--output=cat",
        "--output-fields=MESSAGE,_CMDLINE",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as journal:
        if journal.stdout:
            yield from pieces("journal", journal.stdout.read)
    for path in below("/var/log", "/root/.ansible", "/tmp", "/var/tmp"):  # noqa: S108
        if not path.startswith("/var/log/journal/"):
            yield from file(path)


def processes() -> Named:
    """Command line and environment of everything that runs, pods included; our own line is the question."""
    for folder in sorted(Path("/proc").glob("[0-9]*")):
        try:
            name = (folder / "comm").read_text().strip()
            parts = [(folder / part).read_bytes() for part in ("cmdline", "environ")]
        except OSError:
            continue
        if folder.name != str(os.getpid()):
            yield f"{folder.name} {name}", b"\n".join(parts).replace(b"\0", b"\n")


def environment() -> Named:
    """What units and containers are given at their start."""
    shown = subprocess.run(
        ["systemctl", "show", "*", "--property=Id,Environment,EnvironmentFiles,ExecStart,ExecStartPre"],
        capture_output=True,
        check=False,
    )
    yield "systemctl show", shown.stdout
    for path in (*below(*UNITS), *map(str, sorted(Path("/").glob(CONTAINERS)))):
        yield from file(path)


def known() -> Named:
    """Files that others may not read, and private keys whoever may read them."""
    for path in below(*CREDENTIALS):
        if Path(path).is_file() and Path(path).stat().st_size < LARGEST:
            closed = not Path(path).stat().st_mode & 0o004
            for name, data in file(path):
                if (TELLING if closed else PRIVATE).search(data):
                    yield name, data


def main(*wanted: str) -> None:
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as out:
        for look in (logs, processes, environment, known):
            if look.__name__ in wanted:
                for name, data in look():
                    entry = tarfile.TarInfo(f"{look.__name__}:{name}")
                    entry.size = len(data)
                    out.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
    main(*sys.argv[1:])

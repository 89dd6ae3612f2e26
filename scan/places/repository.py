"""Every version of every file that HEAD reaches: what was once committed is public, also after it was taken out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from clients import shell
from scan.types import Piece


def pieces(root: Path, revision: str = "HEAD") -> Iterator[Piece]:
    """Each blob once, by the first path that had it, and the commits' own words. Raises CommandError."""
    git = ["git", "-C", str(root)]
    listed = shell.run([*git, "rev-list", "--objects", revision]).stdout
    names = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line and not line.endswith(" "))
    yield Piece(
        "repository", "commit messages", shell.run([*git, "log", "--format=%H %an %s%n%b", revision]).stdout.encode()
    )
    with subprocess.Popen([*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as batch:
        asked, answer = cast("IO[bytes]", batch.stdin), cast("IO[bytes]", batch.stdout)
        for digest, path in names.items():
            asked.write(f"{digest}\n".encode())
            asked.flush()
            _, kind, size = answer.readline().split()
            data = answer.read(int(size) + 1)[:-1]
            if kind == b"blob":
                yield Piece("repository", f"{path}@{digest[:12]}", data)
        asked.close()

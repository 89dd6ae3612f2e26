"""What has the form of a secret, though nobody here knows it: the rules of gitleaks, and a few for what this cloud hands out.

Text goes through the program's standard input and its report through a pipe: no file holds what was found.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from model.errors import YrdError
from scan.types import Finding, Piece, fingerprint

RULES = Path(__file__).with_name("rules.toml")
#: A longer line is cut at its commas: the program reads in blocks, and a secret on the border of two would be missed.
LONGEST_LINE = 2_000
#: Bytes after which an empty line is put between two lines; the longest key in PEM is shorter.
BLOCK = 8_000


class PatternError(YrdError):
    """The program did not come to an end as it should: nothing may be called clean."""

    def __init__(self, said: str) -> None:
        super().__init__(
            "E470", f"形式检测失败：{said}", f"the search by form failed: {said}", "yrd doctor", "yrd doctor"
        )


class Stream:
    """One run of the program over many pieces; which piece a line belongs to is remembered here."""

    def __init__(self, program: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="yrd-scan-")
        flags = ["--no-banner", "--log-level", "error", "--ignore-gitleaks-allow", "--max-decode-depth", "3"]
        report = ["--report-path", "-", "--report-format", "json", "--exit-code", "0"]
        # An empty folder: the program would take rules and exceptions from where it stands.
        self._process = subprocess.Popen(
            [str(program), "stdin", "--config", str(RULES), *flags, *report],
            cwd=self._folder.name,
            env={"HOME": self._folder.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._starts: list[int] = []
        self._pieces: list[tuple[str, str]] = []
        self._line = 0
        # The program guesses a file's type by its first bytes, and leaves out what it takes for another's format.
        self._write(b"pieces\n")

    def add(self, piece: Piece) -> None:
        """Give it one piece of text; empty lines around it keep neighbours apart."""
        self._starts.append(self._line)
        self._pieces.append((piece.place, piece.where))
        self._write(b"\n\n" + _reflowed(piece.data) + b"\n\n")

    def _write(self, data: bytes) -> None:
        if self._process.stdin:
            self._process.stdin.write(data)
        self._line += data.count(b"\n")

    def findings(self) -> Iterator[Finding]:
        """End the run and read its report. Raises PatternError."""
        out, err = self._process.communicate()
        self._folder.cleanup()
        if self._process.returncode != 0:
            raise PatternError(err.decode(errors="replace").strip()[-300:] or f"exit code {self._process.returncode}")
        for row in json.loads(out or b"[]"):
            place, where = self._pieces[max(0, bisect_right(self._starts, int(row["StartLine"]) - 1) - 1)]
            digest = fingerprint(str(row["Secret"]).encode())
            yield Finding(place, where, str(row["RuleID"]), "pattern", digest, str(row["Match"]))


def _reflowed(data: bytes) -> bytes:
    """The same text with an empty line at least every few thousand bytes, and not within a key.

    The program takes what the pipe gives and cuts at the next empty line within 25 kB, or anywhere.
    """
    out, since, within = bytearray(), 0, 0
    for line in data.split(b"\n"):
        if len(line) > LONGEST_LINE:
            line = line.replace(b",", b",\n")
        if since > BLOCK and not within:
            out += b"\n"
            since = 0
        out += line + b"\n"
        since += len(line) + 1
        begun, ended = line.rfind(b"-----BEGIN"), line.rfind(b"-----END")
        if begun != ended or within > BLOCK:
            within = len(line) if begun > ended else 0
        elif within:
            within += len(line)
    return bytes(out)

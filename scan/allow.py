"""What looks like a secret and is none: `allowed.yaml`, each entry with a reason, and never wider than it must be.

Values that are known to be secret cannot be allowed at all.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from model.errors import BadInputError
from scan.types import PLACES, Finding

FILE = Path(__file__).with_name("allowed.yaml")
#: Letters of a reason; "false positive" is none.
REASON = 20


@dataclass(frozen=True)
class Entry:
    """A finding is allowed when place, rule and `where` are these, and its value or the text around it is."""

    place: str
    rule: str
    where: str
    reason: str
    fingerprints: tuple[str, ...] = ()
    matches: str = ""

    def allows(self, finding: Finding) -> bool:
        if finding.form != "pattern" or (finding.place, finding.what) != (self.place, self.rule):
            return False
        same = finding.fingerprint in self.fingerprints or bool(self.matches and re.search(self.matches, finding.match))
        return same and fnmatchcase(finding.where, self.where)


def load(path: Path = FILE) -> tuple[Entry, ...]:
    """Raises BadInputError E471 with every entry that is incomplete or too wide."""
    try:
        rows = YAML(typ="safe").load(path.read_text()) or []
        faults = [f"{n}: {said}" for n, row in enumerate(rows, 1) for said in _faults(row)]
    except YAMLError as fault:
        faults = [f"not YAML: {fault}"]
    if faults:
        said = "; ".join(faults)
        raise BadInputError("E471", f"{path.name} 不可用：{said}", f"{path.name} cannot be used: {said}", *_FIX)
    return tuple(Entry(**{**row, "fingerprints": tuple(row.get("fingerprints", ()))}) for row in rows)


_FIX = (
    "写明 place、rule、where、reason，并以 fingerprints 列出确切值，或收窄 matches",
    "give place, rule, where and a reason; list the values in `fingerprints`, or narrow `matches`",
)


def _faults(row: Mapping[str, Any]) -> list[str]:
    given = set(row)
    missing = {"place", "rule", "where", "reason"} - given
    unknown = given - {"place", "rule", "where", "reason", "fingerprints", "matches"}
    if missing or unknown:
        return [f"missing {sorted(missing)}, unknown {sorted(unknown)}"]
    said = []
    if row["place"] not in PLACES:
        said.append(f"no such place: {row['place']}")
    if len(str(row["reason"])) < REASON:
        said.append("the reason says nothing")
    if bool(row.get("fingerprints")) == bool(row.get("matches")):
        said.append("exactly one of fingerprints and matches")
    return said + _too_wide(str(row.get("matches") or ""))


def _too_wide(pattern: str) -> list[str]:
    """An entry that would hide a secret made this moment is refused, whatever it was meant for."""
    if not pattern:
        return []
    try:
        hidden = [text for text in canaries() if re.search(pattern, text)]
    except re.error as fault:
        return [f"`matches` is no expression: {fault}"]
    return [f"`matches` would hide a fresh secret ({len(hidden)} of its kind)"] if hidden else []


def canaries() -> tuple[str, ...]:
    """Fresh secrets of every kind that is handed out here, as they would stand in a file."""
    names = ("password", "token", "secret", "api_key", "secret_id", "key", "credential")
    values = (
        secrets.token_urlsafe(24),
        secrets.token_hex(16),
        secrets.token_hex(32),
        str(uuid.uuid4()),
        f"hvs.{secrets.token_urlsafe(68)}",
        f"s.{secrets.token_urlsafe(18)}",
        "AKIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)),
        f"eyJ{secrets.token_urlsafe(24)}.eyJ{secrets.token_urlsafe(40)}.{secrets.token_urlsafe(43)}",
        f"-----BEGIN PRIVATE KEY-----\n{secrets.token_urlsafe(48)}\n-----END PRIVATE KEY-----",
    )
    signs = ('{}="{}"', "{}: {}", '"{}": "{}"', "{}={}")
    return (*values, *(sign.format(name, value) for name in names for value in values for sign in signs))


def sift(entries: Sequence[Entry], findings: Iterable[Finding]) -> tuple[list[Finding], dict[Entry, int]]:
    """What remains, and how much each entry hid. Pure."""
    hid = dict.fromkeys(entries, 0)
    left = []
    for finding in sorted(set(findings)):
        entry = next((e for e in entries if e.allows(finding)), None)
        if entry:
            hid[entry] += 1
        else:
            left.append(finding)
    return left, hid

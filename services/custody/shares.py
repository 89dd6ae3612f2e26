"""Bring the share that is kept here to a neighbour whose store is sealed.

Nothing of a neighbour's is readable on this disk: the share lies encrypted to a key that never leaves this province's own
OpenBao, so a province can help only while its own store is open, and every share that it gives is in its audit files.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

import requests

from services.bao import Session

#: Seconds for one answer of a neighbour.
TIMEOUT = 3.0


@dataclass(frozen=True)
class Ward:
    """A neighbour of whom shares are kept. `ca` is a file with that site's own root and nothing else."""

    site: str
    url: str
    ca: str
    share: str = field(repr=False)

    @staticmethod
    def load(path: Path) -> Ward:
        """Raises OSError, ValueError, KeyError."""
        held = json.loads(path.read_text())
        return Ward(held["site"], held["url"], str(path.with_suffix(".pem")), held["share"])


@dataclass(frozen=True)
class Seal:
    """`sys/seal-status`; `nonce` names the attempt and is empty before its first share."""

    initialized: bool
    sealed: bool
    nonce: str


def needs(seal: Seal, given: str | None) -> bool:
    """Whether our shares help: sealed, and not yet given in this attempt. `given` is the attempt of our last.

    An attempt that was reset has another nonce, or none; one of which the others' shares are missing waits without us.
    """
    return seal.initialized and seal.sealed and (given is None or seal.nonce != given)


class Helper:
    """One ward, watched."""

    def __init__(self, session: Session, key: str) -> None:
        self._own, self._key = session, key
        self._given: dict[str, str] = {}
        self._http = requests.Session()
        self._http.trust_env = False

    def tend(self, ward: Ward) -> str:
        """What was done: `""`, `given` or `opened`. Raises OSError (BaoError, requests' errors) to be tried again."""
        seal = self._status(ward)
        if not seal.sealed:
            self._given.pop(ward.site, None)
        if not needs(seal, self._given.get(ward.site)):
            return ""
        for share in self._shares(ward):
            answer = self._http.put(f"{ward.url}/v1/sys/unseal", json={"key": share}, verify=ward.ca, timeout=TIMEOUT)
            answer.raise_for_status()
            after = _seal(answer.json())
            if not after.sealed:
                return "opened"
            self._given[ward.site] = after.nonce
        return "given"

    def _status(self, ward: Ward) -> Seal:
        answer = self._http.get(f"{ward.url}/v1/sys/seal-status", verify=ward.ca, timeout=TIMEOUT)
        answer.raise_for_status()
        return _seal(answer.json())

    def _shares(self, ward: Ward) -> list[str]:
        opened = self._own.ask("POST", f"transit/decrypt/{self._key}", {"ciphertext": ward.share})
        return base64.b64decode(opened["plaintext"]).decode().split()


def _seal(body: dict[str, object]) -> Seal:
    return Seal(bool(body["initialized"]), bool(body["sealed"]), str(body.get("nonce") or ""))

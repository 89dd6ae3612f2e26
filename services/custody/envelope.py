"""A snapshot on its way: encrypted to the operator of its site, then signed by the site's own custody agent.

Anybody can encrypt to a public key. So a keeper takes, and a restore uses, only what the site itself signed with a
certificate of its own root; the signed text begins with the site's name and the time, so that neither an older snapshot
nor another site's passes for the newest.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

#: Sorts by time; UTC.
STAMP = "%Y%m%dT%H%M%SZ"
TIMEOUT = 60.0
_END = "-----END CERTIFICATE-----"


class ForgedError(ValueError):
    """Not signed by the site, or not what it is said to be."""


@dataclass(frozen=True)
class Signer:
    """The certificate (with the authorities above it) and the key with which a site signs."""

    certificate: Path
    key: Path


def seal(content: bytes, site: str, stamp: str, recipient: Path, signer: Signer) -> bytes:
    """Raises OSError."""
    hidden = _cms(["-encrypt", "-aes-256-gcm", "-outform", "DER", str(recipient)], content)
    with tempfile.TemporaryDirectory() as folder:
        # What stands above the leaf goes along; a keeper has the root alone.
        above = Path(folder) / "above.pem"
        above.write_text(signer.certificate.read_text().partition(_END)[2])
        who = ["-signer", str(signer.certificate), "-inkey", str(signer.key), "-certfile", str(above)]
        return _cms(["-sign", "-nodetach", "-md", "sha256", "-outform", "DER", *who], _header(site, stamp) + hidden)


def opened(sealed: bytes, site: str, name: str, root: Path) -> tuple[str, bytes]:
    """(stamp, encrypted content) of what `name`, certified by `root` alone, has signed for `site`. Raises ForgedError.

    The certificate may have ended since: a snapshot is of use long after its signer was renewed.
    """
    trust = ["-CAfile", str(root), "-no-CApath", "-no-CAstore", "-purpose", "any", "-no_check_time"]
    try:
        said = _cms(["-verify", "-inform", "DER", *trust, "-verify_hostname", name], sealed)
    except OSError as fault:
        raise ForgedError(f"not signed by {name}: {fault}") from fault
    header, _, hidden = said.partition(b"\n")
    owner, _, stamp = header.decode(errors="replace").partition(" ")
    if owner != site:
        raise ForgedError(f"a snapshot of {owner[:40]!r} and not of {site}")
    return datetime.strptime(stamp, STAMP).strftime(STAMP), hidden


def revealed(hidden: bytes, key: Path) -> bytes:
    """The snapshot itself, by the operator's key. Raises OSError for what is not encrypted to it."""
    return _cms(["-decrypt", "-inform", "DER", "-inkey", str(key)], hidden)


def _header(site: str, stamp: str) -> bytes:
    return f"{site} {stamp}\n".encode()


def _cms(words: Sequence[str], content: bytes) -> bytes:
    command = ["openssl", "cms", words[0], "-binary", *words[1:]]
    done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=TIMEOUT)
    if done.returncode:
        raise OSError(f"openssl cms {words[0]}: {done.stderr.decode(errors='replace')[:300]}")
    return done.stdout

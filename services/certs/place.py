"""DO: put pairs in place so that a run that dies leaves the old pair, or a new one that the next run finishes.

Two files cannot be renamed as one. A new pair is therefore complete in a folder beside its place (`<cert>.next`, itself
renamed into being) before the first file moves, and whatever folder is found later is moved on: never back.
"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import yaml

from clients import state
from clients.failpoint import failpoint
from services.certs.held import kubeconfig
from services.certs.spec import Entry


def pair(entry: Entry, key: str, certificate: str) -> None:
    """Key and certificate of a pair that is made here. Raises OSError."""
    assert entry.key and entry.cert  # noqa: S101 - `spec.entry` admits no other
    ready = _next(entry.cert)
    building = ready.with_name(f".{ready.name}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o700)
    for name, text, mode in (("key", key, entry.mode), ("cert", certificate, 0o644)):
        state.write_atomic(building / name, text, mode)
        _own(building / name, entry)
    building.rename(ready)
    failpoint("certs-staged")
    finish(entry)


def finish(entry: Entry) -> bool:
    """Move a staged pair on, if there is one. Returns whether there was."""
    if not entry.key or not entry.cert or not (ready := _next(entry.cert)).is_dir():
        return False
    for name, target in (("key", entry.key), ("cert", entry.cert)):
        if (ready / name).exists():
            (ready / name).replace(target)
            failpoint(f"certs-moved-{name}")
    ready.rmdir()
    return True


def certificate(entry: Entry, text: str) -> None:
    """The certificate of a key that stays."""
    assert entry.cert  # noqa: S101 - `spec.entry` admits no other
    state.write_atomic(entry.cert, text, 0o644)
    _own(entry.cert, entry)


def embed(entry: Entry, text: str, authority: str) -> None:
    """Certificate and CA into a kubeconfig whose key stays."""
    assert entry.kubeconfig  # noqa: S101 - the caller asks for this kind only
    held = kubeconfig(entry.kubeconfig.read_text())
    assert held  # noqa: S101 - its key was read before
    for user in held["users"]:
        user["user"]["client-certificate-data"] = _encoded(text)
    for cluster in held["clusters"]:
        cluster["cluster"]["certificate-authority-data"] = _encoded(authority)
    state.write_atomic(entry.kubeconfig, yaml.safe_dump(held, sort_keys=False), entry.mode)
    _own(entry.kubeconfig, entry)


def authority(path: Path, text: str) -> None:
    """A public CA certificate."""
    state.write_atomic(path, text, 0o644)


def _next(cert: Path) -> Path:
    return cert.with_name(f"{cert.name}.next")


def _own(path: Path, entry: Entry) -> None:
    if entry.owner:
        shutil.chown(path, entry.owner, entry.group or entry.owner)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

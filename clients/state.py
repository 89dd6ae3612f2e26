"""Where an environment keeps what must not be in the checkout: disks, credentials, public material, Pulumi's state.

A site's credentials lie in a folder of its own, so that one province's run never opens another's (D5).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def base() -> Path:
    """`${XDG_STATE_HOME:-~/.local/state}/yrd` (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "yrd"


def environment(name: str) -> Path:
    return base() / name


def machine(env: str, name: str) -> Path:
    return environment(env) / "machines" / name


def site(env: str, name: str) -> Path:
    """Credentials of one site; created with mode 0700."""
    return private(environment(env) / "sites" / name)


def public(env: str, name: str) -> Path:
    """Public material that one site has published."""
    return environment(env) / "public" / name


def root_certificate(env: str, name: str) -> Path:
    return public(env, name) / "root.pem"


def realm_jwks(env: str, realm: str) -> Path:
    """Keys that a realm signs with now, and those whose tokens are still alive; gateways hold them inline."""
    return public(env, realm) / "jwks.json"


def exchange_client_jwks(env: str, province: str) -> Path:
    """Public key by which a province's exchange client proves itself to its own realm."""
    return public(env, province) / "exchange-client.jwks"


def page_client_jwks(env: str, province: str, client: str) -> Path:
    """Public key by which a page (`model.identity.pages`) proves itself to the region's broker."""
    return public(env, province) / f"{client}-client.jwks"


def private(folder: Path) -> Path:
    """Make `folder` readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


@contextlib.contextmanager
def turn(env: str, what: str) -> Iterator[None]:
    """One process of this host at a time; ends with the process that holds it."""
    path = private(environment(env)) / f"{what}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_atomic(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write beside and rename into place: a reader sees the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise

"""Sessions of this host's user: one file per login, mode 0600, with the refresh token; rotated by one process at a time."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from clients import oidc, state
from model.errors import BadInputError

#: Seconds before its end at which an access token is not used any more.
MARGIN = 20.0


@dataclass(frozen=True)
class Session:
    """One login. `access` holds a token per audience with its end: a back end gets none that another would take."""

    issuer: str
    client: str
    trust: str
    person: str
    province: str
    refresh: str = field(repr=False)
    access: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    @property
    def realm(self) -> oidc.Client:
        return oidc.Client(self.issuer, self.client, self.trust)


def folder(env: str) -> Path:
    """`~/.local/state/yrd/<env>/logins/`: the user's own."""
    return state.private(state.environment(env) / "logins")


def file(env: str, person: str, province: str) -> Path:
    """`anhui-audit@anhui.json`: one login of a person at one province."""
    return folder(env) / f"{person}@{province}.json"


def store(path: Path, session: Session) -> None:
    state.write_atomic(path, json.dumps(asdict(session)) + "\n")


def load(path: Path) -> Session:
    """Raises BadInputError E365 when nobody is logged in here."""
    try:
        held = json.loads(path.read_text())
        return Session(**{**held, "access": {name: (row[0], row[1]) for name, row in held["access"].items()}})
    except (OSError, ValueError, TypeError, KeyError) as fault:
        raise BadInputError(
            "E365",
            f"没有登录会话 {path.stem}",
            f"nobody is logged in as {path.stem}",
            "先运行 yrd login",
            "log in first: yrd login",
        ) from fault


def token(path: Path, audience: str) -> tuple[str, float]:
    """A valid access token for one audience, and its end. A used refresh token is replaced before anybody else reads it."""
    with _alone(path):
        session = load(path)
        held, ends = session.access.get(audience, ("", 0.0))
        if ends - MARGIN > time.time():
            return held, ends
        new = session.realm.refresh(session.refresh, ("openid", audience))
        access = {**session.access, audience: (new.access, new.expires)}
        store(path, Session(**{**asdict(session), "refresh": new.refresh, "access": access}))
        return new.access, new.expires


def forget(path: Path) -> None:
    """End the session at its realm and here; what the realm cannot be told ends by itself."""
    with _alone(path):
        session = load(path)
        try:
            session.realm.end(session.refresh)
        finally:
            path.unlink()
    path.with_suffix(".lock").unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

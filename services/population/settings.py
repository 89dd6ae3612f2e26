"""Where the service finds its logins. Host, port and TLS come from PostgreSQL's own PG* variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CREDENTIALS = Path("/etc/yrd/credentials")
#: The superuser that PostgreSQL's cluster was made with; used by the migration only.
OWNER = "postgres"


@dataclass(frozen=True)
class Login:
    user: str
    password: str


def reader(folder: Path = CREDENTIALS) -> Login:
    """Login of the service. Read again at each connection, so that a changed password needs no restart."""
    return Login(_line(folder / "username"), _line(folder / "password"))


def owner(folder: Path = CREDENTIALS) -> Login:
    return Login(OWNER, _line(folder / "postgres-password"))


def database() -> str:
    return os.environ.get("PGDATABASE", "population")


def _line(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()

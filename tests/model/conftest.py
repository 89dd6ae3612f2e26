"""The repository's region, a copy of it to change, and a clock that stands still."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.files import VARIABLE, find_root
from model.load import load
from model.types import World

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def root() -> Path:
    return find_root()


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A checkout whose `region/` may be changed."""
    shutil.copytree(root / "region", tmp_path / "region")
    return tmp_path


@pytest.fixture
def edit(copy: Path) -> Callable[[str, str, str], None]:
    """Replaces one text in a file of the copy; fails if it is not there, so that no test changes nothing."""

    def replace(name: str, old: str, new: str) -> None:
        path = copy / "region" / name
        before = path.read_text("utf-8")
        assert old in before, f"{old!r} is not in {name}"
        path.write_text(before.replace(old, new, 1), "utf-8")

    return replace


@pytest.fixture
def world(root: Path, now: datetime) -> World:
    return load(root, now)

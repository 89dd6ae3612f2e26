"""One identity centre and one page for the folder; a new browser for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.identity.conftest import centre, fresh
from tests.identity.server import Server
from tests.people import browser
from tests.people.browser import Person
from tests.people.house import House, beside

__all__ = ["centre", "fresh"]
NEEDED = ("chromium", "chromedriver", "certutil", "faketime")


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    absent = [name for name in NEEDED if not shutil.which(name)]
    if absent or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(absent or NEEDED)}")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of pages go; `YRD_SCREENSHOTS` names a folder that outlives the run."""
    kept = os.environ.get("YRD_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def house(centre: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = beside(centre, tmp_path_factory.mktemp("page"))
    found.start()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def anybody(house: House, pictures: Path, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Makes a person with a new browser."""
    with ExitStack() as stack:

        def make(language: str = "zh-CN") -> Person:
            home = tmp_path / f"home-{len(list(tmp_path.iterdir()))}"
            return stack.enter_context(browser.person(home, [house.server.ca], pictures, language))

        yield make


@pytest.fixture
def citizen(anybody: Callable[..., Person]) -> Person:
    return anybody()

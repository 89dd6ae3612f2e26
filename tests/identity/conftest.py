"""`centre`: a running Keycloak with the repository's realms and made-up people. `site`: one that nobody has configured.

A test elsewhere may use them with `from tests.identity.conftest import centre` and what `browser.py` and `server.py` offer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks import identity_master
from tests.identity.browser import Application, Browser
from tests.identity.server import Server, started


def _running() -> Iterator[Server]:
    # Not pytest's own folder: the database's account must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="yrd-identity-"))
    folder.chmod(0o755)
    server = started(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def fresh() -> Iterator[Server]:
    """As the role leaves it: the client that it began with, and no realm of ours."""
    yield from _running()


@pytest.fixture(scope="session")
def centre(fresh: Server) -> Server:
    """Ours alone, every realm built, every account made."""
    deployer = fresh.deployer()
    identity_master.take_over(fresh.bootstrap(), deployer, identity_master.spec(fresh.plan, fresh.master()))
    fresh.configure()
    return fresh


@pytest.fixture
def browser(centre: Server) -> Browser:
    return Browser(centre.ca)


@pytest.fixture
def application(centre: Server) -> Callable[..., Application]:
    def make(realm: str, client: str = "yrd", **more: str) -> Application:
        return Application(centre.issuer(realm), client, centre.ca, **more)

    return make

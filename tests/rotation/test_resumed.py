"""A run that is killed at any step is finished by the next one, and not begun anew."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from clients.failpoint import VARIABLE
from clients.prober import Request
from stacks.rotation.base import Memory, Result, Step, rotate
from tests.rotation.conftest import Site

STEPS = ("make", "spread", "remove")


class Files:
    """Rotates a file's content: small enough to look at, and on a real disk."""

    name = "files"

    def __init__(self, folder: Path, request: Request) -> None:
        self.folder, self._request = folder, request

    def standing(self) -> AbstractContextManager[str]:
        return nullcontext("")

    def remember(self) -> dict[str, str]:
        return {"content": (self.folder / "now").read_text()}

    def steps(self, old: Mapping[str, str]) -> tuple[Step, ...]:
        return tuple(Step(name, lambda name=name: self._do(name, old["content"])) for name in STEPS)  # type: ignore[misc]

    def _do(self, name: str, old: str) -> None:
        with (self.folder / "log").open("a") as log:
            log.write(f"{name} {old}\n")
        if name == "make":
            (self.folder / "now").write_text("new")

    def request(self) -> Request:
        return self._request

    def refused(self, old: Mapping[str, str]) -> bool:
        return (self.folder / "now").read_text() != old["content"]


def attempt(folder: Path, request: Request) -> Result:
    return rotate(Files(folder, request), "anhui", folder / "rotation-files.json")


def killed(folder: Path, request: Request, where: str) -> None:
    def child() -> None:
        os.environ[VARIABLE] = where
        attempt(folder, request)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "now").write_text("old")
    return tmp_path


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["rotate", "rotated"])
def test_the_next_run_finishes(folder: Path, site: Site, when: str, step: str) -> None:
    killed(folder, site.wanted(), f"{when}-files-{step}")
    assert Memory.load(folder / "rotation-files.json")
    done = attempt(folder, site.wanted())
    assert done.resumed and done.old_refused
    assert not (folder / "rotation-files.json").exists()
    rows = [row.split() for row in (folder / "log").read_text().splitlines()]
    assert {old for _, old in rows} == {"old"}, "the old one stays the one of the beginning"
    assert list(dict.fromkeys(name for name, _ in rows)) == list(STEPS)
    assert len(rows) == len(STEPS) + (when == "rotated"), "only the step that it died in is done twice"


def test_what_is_not_refused_is_remembered(folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Files, "refused", lambda *_: False)
    assert not attempt(folder, site.wanted()).old_refused
    assert (folder / "rotation-files.json").stat().st_mode & 0o777 == 0o600

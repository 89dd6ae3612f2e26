"""What the host lacks is installed or told; nothing is done where nothing is missing."""

from __future__ import annotations

import pytest

from model.errors import YrdError
from toolchain import host


def test_nothing_is_done_where_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "logged", lambda *_, **__: pytest.fail("ran something"))
    host.ensure("up", lambda *_: None, lambda _: True)


def test_only_what_is_missing_is_named() -> None:
    assert host.missing("up", lambda name: name != "podman") == ("podman",)


def test_who_may_not_install_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(YrdError, match="apt-get install podman"):
        host.ensure("up", lambda *_: None, lambda name: name != "podman")

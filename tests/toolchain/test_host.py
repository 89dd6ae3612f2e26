"""What the host lacks is installed or told; nothing is done where nothing is missing."""

from __future__ import annotations

import subprocess

import pytest

from model.errors import YrdError
from toolchain import debian, facts, host


def test_nothing_is_done_where_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "logged", lambda *_, **__: pytest.fail("ran something"))
    host.ensure("up", lambda *_: None, lambda _: True)


def test_only_what_is_missing_is_named() -> None:
    assert host.missing("up", lambda name: name != "podman") == ("podman",)


def test_who_may_not_install_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(YrdError, match="apt-get install podman"):
        host.ensure("up", lambda *_: None, lambda name: name != "podman")


def installed() -> set[str]:
    """Packages that this host's dpkg knows as installed; none on another kind of host."""
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}


@pytest.mark.parametrize("package", sorted({p for verb in debian.packages()["host"].values() for p in verb}))
def test_what_was_installed_is_not_missing_afterwards(package: str) -> None:
    """A package whose program has another name was installed again by every `yrd up`."""
    if package not in installed():
        pytest.skip(f"{package} is not installed here")
    assert facts.there(package)

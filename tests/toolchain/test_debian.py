"""Debian trees: what is read from this host's apt, and what stays out of a tree. Nothing is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model.errors import YrdError
from toolchain import debian, rootfs
from toolchain.debian import Source

MIRROR = "https://mirror.example/debian/"
TARGETS = f"""\
{MIRROR}|bookworm|Debian|main
{MIRROR}|bookworm|Debian|contrib
{MIRROR}|bookworm-updates|Debian|main
https://mirror.example/debian-security/|bookworm-security|Debian|main
https://vendor.example/apt/|cloud-bookworm|Vendor|main
https://vendor.example/docker/|bookworm|Docker|stable
https://mirror.example/ubuntu/|noble|Ubuntu|main
"""


def test_only_debians_own_sources_of_the_release_are_taken() -> None:
    assert debian.parse_targets(TARGETS, "bookworm") == (
        Source(MIRROR, "bookworm", ("main", "contrib")),
        Source(MIRROR, "bookworm-updates", ("main",)),
        Source("https://mirror.example/debian-security/", "bookworm-security", ("main",)),
    )


def test_before_the_first_update_the_origin_is_not_known_yet() -> None:
    assert debian.parse_targets(f"{MIRROR}|bookworm|$(ORIGIN)|main\n", "bookworm")[0].uri == MIRROR


def test_sources_in_one_line_form() -> None:
    found = [Source(MIRROR, "bookworm", ("main", "contrib"))]
    assert debian.source_lines(found) == f"deb {MIRROR} bookworm main contrib\n"


def test_a_host_without_the_release_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "asked", lambda _command: "https://mirror.example/ubuntu/|noble|Ubuntu|main\n")
    with pytest.raises(YrdError, match="E212") as caught:
        debian.sources()
    assert "bookworm" in caught.value.fix_en


def test_the_way_to_the_mirror_goes_inside_but_no_path_of_the_host() -> None:
    dump = (
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::https::CAInfo "/etc/host/ca.pem";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'DPkg::Post-Invoke:: "rm -f /var/cache/apt/*";\n'
        'Acquire::Languages "de";\n'
    )
    assert debian.acquire_lines(dump) == (
        'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Check-Valid-Until "false";\n'
    )


def test_what_is_removed_stays_inside_the_tree(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "var/log").mkdir(parents=True)
    outside.mkdir()
    (outside / "precious").write_text("x")
    (root / "var/log/a.log").write_text("x")
    (root / "var/log/folder").mkdir()
    (root / "var/log/link").symlink_to(outside)
    debian.remove(root, ["var/log/*", "no/such/*"])
    assert list((root / "var/log").iterdir()) == []
    assert (outside / "precious").exists()


def test_licences_stay_and_manuals_go() -> None:
    lines = debian.DPKG.splitlines()
    assert "path-exclude=/usr/share/man/*" in lines
    assert lines[-1] == "path-include=/usr/share/doc/*/copyright"


def test_making_a_tree_needs_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(YrdError, match="E213"):
        debian.bootstrap("x", tmp_path / "tree", [])


def test_a_tree_is_named_after_its_packages_and_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        target.mkdir()

    first = rootfs._entry("tiny", ["b", "a"], make)
    assert rootfs._entry("tiny", ["a", "b"], make) == first
    assert rootfs._entry("tiny", ["a"], make) != first
    assert len(made) == 2


def test_a_killed_bootstrap_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def make(target: Path) -> None:
        target.mkdir()
        raise RuntimeError("killed in the middle")

    with pytest.raises(RuntimeError):
        rootfs._entry("tiny", ["a"], make)
    assert [p.name for p in (tmp_path / "yrd/rootfs").iterdir() if not p.name.endswith(".lock")] == []

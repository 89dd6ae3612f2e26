"""The command `python -m toolchain`: what it makes in which order, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from toolchain import __main__ as command
from toolchain import images, install


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was asked for, in order; nothing is made."""
    asked: list[str] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(install, "ensure", lambda names, _report: asked.append(f"tools {' '.join(names)}".strip()))

    def build(names: Sequence[str], _report: object) -> None:
        asked.append(f"images {' '.join(names)}".strip())

    monkeypatch.setattr(images, "build", build)
    for name in command.TREES:
        monkeypatch.setitem(command.TREES, name, lambda name=name: asked.append(name))
    return asked


def test_everything_is_made_and_images_last(made: list[str]) -> None:
    assert command.main(["install"]) == 0
    assert set(made) == {"tools", "machine-rootfs", "hub-delta", "image-base", "images"}
    assert made[-1] == "images"


def test_a_preview_needs_neither_trees_nor_images(made: list[str]) -> None:
    assert command.main(["install", "--preview"]) == 0
    assert made == [f"tools {' '.join(install.PREVIEW)}"]


def test_things_by_name(made: list[str]) -> None:
    assert command.main(["install", "image:pause", "helm", "machine-rootfs"]) == 0
    assert made == ["tools helm", "machine-rootfs", "images pause"]


def test_an_unknown_name_is_bad_input_and_nothing_is_made(made: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["install", "helm", "terraform"]) == 2
    assert made == []
    said = capsys.readouterr().err
    assert "terraform" in said
    assert "未知名称" in said


def test_the_list_names_everything(made: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["list"]) == 0
    said = capsys.readouterr().out
    assert "kube " in said
    assert "image:pause" in said
    assert made == []

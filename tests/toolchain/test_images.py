"""Images: what their key follows, what a preview may say, and what a layer must not contain. Nothing is built."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from model import names
from toolchain import debian, images, layers
from toolchain.paths import ROOT

NAMES = list(images.specs())


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_before_the_first_build_a_reference_says_so_and_makes_nothing(tmp_path: Path) -> None:
    refs = images.references()
    assert list(refs) == NAMES
    for name, ref in refs.items():
        assert ref.reference == f"{names.REGISTRY}/{name}:unbuilt-{ref.key}"
    assert list(tmp_path.iterdir()) == []


def test_a_built_image_is_named_by_its_digest() -> None:
    ref = images.references()["pause"]
    ref.layout.mkdir(parents=True)
    (ref.layout / "digest").write_text("sha256:" + "a" * 64 + "\n")
    assert images.references()["pause"].reference == f"{names.REGISTRY}/pause@sha256:{'a' * 64}"


@pytest.mark.parametrize("name", NAMES)
def test_every_image_copies_just_what_its_row_provides(name: str) -> None:
    row = images.specs()[name]
    text = (ROOT / "images" / name / "Containerfile").read_text()
    copied = {
        word
        for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE)
        for word in [w for w in line.split() if not w.startswith("--")][:-1]
    }
    shares = {file for files in row.get("shares", {}).values() for file in files}
    provided = {*row.get("tools", ()), *shares}
    provided |= {"catatonit"} if "host" in row else set()
    provided |= {"layer"} if "debian" in row else set()
    provided |= {"site"} if "site" in row else set()
    provided |= {"source"} if "source" in row else set()
    assert copied == provided


@pytest.mark.parametrize("name", NAMES)
def test_an_image_stands_on_nothing_from_outside(name: str) -> None:
    text = (ROOT / "images" / name / "Containerfile").read_text()
    based = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert based == ["yrd-base" if images.specs()[name].get("base") else "scratch"]
    assert "://" not in text


def test_changed_code_changes_only_the_image_that_holds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    for name in NAMES:
        (copy / "images" / name).mkdir(parents=True)
        (copy / "images" / name / "Containerfile").write_bytes((ROOT / "images" / name / "Containerfile").read_bytes())
    code = copy / images.specs()["services"]["source"][0]
    for path in (p for part in images.specs()["services"]["source"] for p in layers.sources(part)):
        copied(path, copy / path.relative_to(ROOT))
    monkeypatch.setattr(images, "ROOT", copy)
    monkeypatch.setattr(layers, "ROOT", copy)
    before = {n: r.key for n, r in images.references().items()}
    (code / "changed.py" if code.is_dir() else code).write_text("changed = 1\n")
    assert {n for n, r in images.references().items() if r.key != before[n]} == {"services"}


def test_nothing_secret_and_no_package_manager_goes_into_a_layer() -> None:
    assert "etc/ssl/private" in layers._BOOKKEEPING
    assert "var/lib/postgresql/*" in images.specs()["postgres"]["drop"]
    assert {"apt", "dpkg", "perl-base", "bash"} <= set(debian.packages()["image-slim"]["packages"])


def test_a_layer_holds_no_device_and_no_whiteout(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("x")
    (tmp_path / "link").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "folder/pipe")
    assert [p.name for p in layers._special(tmp_path)] == ["pipe"]


def copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def test_a_changed_containerfile_changes_its_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    (copy / "images" / "pause").mkdir(parents=True)
    (copy / "images" / "pause" / "Containerfile").write_text("FROM scratch\n")
    monkeypatch.setattr(images, "ROOT", copy)
    before = images._key("pause")
    (copy / "images" / "pause" / "Containerfile").write_text("FROM scratch\nUSER 1\n")
    assert images._key("pause") != before

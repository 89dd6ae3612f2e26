"""The table of tools against its lock files: complete, pinned by digest, and without any address."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from model.errors import YrdError
from toolchain import images, install, maven, spec
from toolchain.paths import HERE, ROOT
from toolchain.spec import Tool, catalogue

TOOLS = list(catalogue().values())
LOCKS = sorted((HERE / "wheels").glob("*.lock"))


def by_name(tool: Tool) -> str:
    return tool.name


@pytest.mark.parametrize("tool", TOOLS, ids=by_name)
def test_every_tool_has_its_lock(tool: Tool) -> None:
    assert all(path.is_file() for path in tool.lock_files)


@pytest.mark.parametrize("tool", [t for t in TOOLS if t.kind == "go"], ids=by_name)
def test_the_module_file_pins_the_version_that_the_table_tells(tool: Tool) -> None:
    text = tool.lock_files[0].read_text()
    packages = [package.split("/cmd/")[0] for package in tool.binaries]
    pinned = {m.group(1): m.group(2) for m in re.finditer(r"^\s*(?:require )?(\S+) (v\S+)", text, re.MULTILINE)}
    for package in packages:
        module = next(m for m in sorted(pinned, key=len, reverse=True) if f"{package}/".startswith(f"{m}/"))
        assert pinned[module] == tool.version


@pytest.mark.parametrize("tool", [t for t in TOOLS if t.kind == "wheels" and not t.site], ids=by_name)
def test_the_wheel_lock_pins_the_version_that_the_table_tells(tool: Tool) -> None:
    assert re.search(rf"=={re.escape(tool.version)} \\$", tool.lock_files[0].read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_a_lock_has_a_digest_for_every_line_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    names = re.findall(r"^([A-Za-z0-9._-]+)(?:\[\S+\])?==", text, re.MULTILINE)
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert names
    assert len(names) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "index" not in text


def test_libraries_on_machines_are_the_versions_that_are_tested_here() -> None:
    ours = pins(ROOT / "requirements.lock")
    for name in ("machine-python", "services-python"):
        theirs = pins(HERE / "wheels" / f"{name}.lock")
        assert {n: v for n, v in theirs.items() if n in ours and ours[n] != v} == {}


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\", lock.read_text(), re.MULTILINE))


def test_the_cluster_is_the_version_that_the_region_declares() -> None:
    declared = YAML(typ="safe").load(ROOT / "region" / "region.yaml")["versions"]["kubernetes"]
    assert catalogue()["kube"].version == f"v{declared}"


def test_images_are_tagged_with_the_versions_of_their_programs() -> None:
    rows = images.specs()
    for image in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
        assert rows[image]["tag"] == catalogue()["kube"].version
    assert f"v{rows['etcd']['tag']}" == catalogue()["etcd"].version
    assert rows["coredns"]["tag"] == catalogue()["coredns"].version


def test_programs_of_images_and_machines_come_from_the_table() -> None:
    known = {binary for tool in TOOLS for binary in tool.binaries.values()}
    asked = {binary for row in images.specs().values() for binary in row.get("tools", ())}
    assert asked | set(install.MACHINE) <= known


def test_a_key_changes_with_the_lock_and_with_the_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "go" / "tiny"
    folder.mkdir(parents=True)
    (folder / "go.mod").write_text("module tiny\n")
    (folder / "go.sum").write_text("")
    monkeypatch.setattr(spec, "HERE", tmp_path)
    first = Tool("tiny", "go", "v1", binaries={"example/tiny": "tiny"})
    keys = {first.key, Tool("tiny", "go", "v1", binaries={"example/tiny": "tiny"}, tags="x").key}
    (folder / "go.sum").write_text("changed\n")
    assert len(keys | {first.key}) == 3


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(YrdError, match="E210") as caught:
        spec.lookup("terraform")
    assert "helm" in caught.value.fix_en


@pytest.mark.parametrize("tool", [t for t in TOOLS if t.kind == "maven"], ids=by_name)
def test_a_java_archive_is_pinned_by_version_and_digest(tool: Tool, tmp_path: Path) -> None:
    assert tool.artifact.split(":")[2] == tool.version
    archive = tmp_path / "archive.zip"
    archive.write_bytes(b"something else")
    with pytest.raises(YrdError, match="E217"):
        maven.check(tool, archive)
    maven.check(replace(tool, sha256=hashlib.sha256(b"something else").hexdigest()), archive)


def test_an_archive_loses_its_top_folder_and_keeps_its_modes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for name, mode in (("top/bin/kc.sh", 0o755), ("top/lib/a.jar", 0o644), ("top/../evil", 0o644)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            packed.writestr(entry, "x")
    maven.unpack(tmp_path / "a.zip", tmp_path / "home")
    found = {str(p.relative_to(tmp_path / "home")): p.stat().st_mode & 0o777 for p in tmp_path.rglob("home/**/*.*")}
    assert found == {"bin/kc.sh": 0o755, "lib/a.jar": 0o644}
    assert not (tmp_path / "evil").exists()

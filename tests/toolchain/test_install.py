"""The cache of tools: made once, verified on use, mended when broken, never half there. Builds are small stand-ins."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

from toolchain import build, install, run
from toolchain.progress import READY, Board
from toolchain.spec import Tool


class Factory:
    """Makes an entry with one program and counts how often."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.fail = False

    def make(self, tool: Tool, target: Path) -> None:
        self.made.append(tool.name)
        (target / "bin").mkdir(parents=True)
        (target / "bin" / tool.name).write_text(f"#!/bin/sh\necho {tool.version}\n")
        if self.fail:
            raise RuntimeError("killed in the middle")


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Factory:
    made = Factory()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "make", made.make)
    monkeypatch.setattr(Tool, "key", property(lambda self: f"key{self.version}"))
    return made


TINY = Tool("tiny", "go", "1.0", binaries={"example/tiny": "tiny"})


def made(tool: Tool = TINY) -> Path:
    return install._ensure(tool, lambda _name, _step: None)


def test_it_is_made_once_and_lies_under_its_key(factory: Factory, tmp_path: Path) -> None:
    entry = made()
    assert entry == tmp_path / "cache/yrd/tools/tiny-key1.0"
    assert made() == entry
    assert factory.made == ["tiny"]


def test_the_manifest_names_every_file_with_its_digest(factory: Factory) -> None:
    manifest = json.loads((made() / "manifest.json").read_text())
    assert list(manifest) == ["bin/tiny"]
    assert len(manifest["bin/tiny"]) == 64


@pytest.mark.parametrize("damage", ["content", "missing", "added", "manifest"])
def test_a_broken_entry_is_made_anew(factory: Factory, damage: str) -> None:
    entry = made()
    program = entry / "bin/tiny"
    good = program.read_text()
    if damage == "content":
        program.write_text("#!/bin/sh\necho other\n")
    elif damage == "missing":
        program.unlink()
    elif damage == "added":
        (entry / "bin/intruder").write_text("x")
    else:
        (entry / "manifest.json").unlink()
    assert made() == entry
    assert factory.made == ["tiny", "tiny"]
    assert program.read_text() == good
    assert not (entry / "bin/intruder").exists()


def test_a_file_that_was_only_touched_is_still_good(factory: Factory) -> None:
    (made() / "bin/tiny").touch()
    made()
    assert factory.made == ["tiny"]


def test_a_killed_build_leaves_no_entry(factory: Factory) -> None:
    factory.fail = True
    with pytest.raises(RuntimeError):
        made()
    assert not TINY.entry.exists()
    factory.fail = False
    assert made().exists()


def test_two_runs_at_once_make_it_once(factory: Factory) -> None:
    threads = [threading.Thread(target=made) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert factory.made == ["tiny"]


def test_a_new_version_does_not_touch_the_old_entry(factory: Factory) -> None:
    first = made()
    second = made(Tool("tiny", "go", "2.0", binaries=TINY.binaries))
    assert first.exists()
    assert second != first


def test_a_suitable_program_on_path_is_taken_instead(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = program_on_path(monkeypatch, tmp_path, "tiny 1.0 linux")
    entry = made(Tool("tiny", "go", "1.0", binaries=TINY.binaries, path={"tiny": ["version"]}))
    assert factory.made == []
    assert (entry / "bin/tiny").read_text() == host.read_text()


@pytest.mark.parametrize("says", ["Tiny v1.0", "v1.0+gabc", "tiny version: 1.0"])
def test_a_version_is_the_same_however_a_program_writes_it(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str
) -> None:
    program_on_path(monkeypatch, tmp_path, says)
    made(Tool("tiny", "go", "v1.0", binaries=TINY.binaries, path={"tiny": ["version"]}))
    assert factory.made == []


def test_another_version_on_path_is_left_alone(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program_on_path(monkeypatch, tmp_path, "tiny 1.0.1 linux")
    made(Tool("tiny", "go", "1.0", binaries=TINY.binaries, path={"tiny": ["version"]}))
    assert factory.made == ["tiny"]


def program_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str) -> Path:
    host = tmp_path / "host" / "tiny"
    host.parent.mkdir()
    host.write_text(f"#!/bin/sh\necho {says}\n")
    host.chmod(0o755)
    monkeypatch.setenv("PATH", f"{host.parent}:/usr/bin:/bin")
    return host


def test_a_failing_build_names_its_log_and_repeats_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(run.BuildError) as caught:
        run.logged("tiny", ["sh", "-c", "echo first; echo the reason >&2; exit 3"])
    assert str(tmp_path / "yrd/log/tiny.log") in caught.value.en
    assert "the reason" in caught.value.zh
    assert caught.value.code == "E211"


def test_a_program_that_is_missing_is_a_failed_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(run.BuildError, match="no-such-program: not found"):
        run.logged("tiny", ["no-such-program"])


def test_a_look_never_fails() -> None:
    assert run.asked(["no-such-program"]) == ""
    assert run.asked(["sh", "-c", "echo said; exit 1"]) == ""
    assert run.asked(["sh", "-c", "echo said"]) == "said\n"


def test_the_launcher_of_dynamic_providers_uses_this_python(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "tool", lambda name: Path("/somewhere/bin") / name)
    folders = install.engine_path().split(":")
    launcher = Path(folders[1]) / "pulumi-resource-pulumi-python"
    assert folders[0] == "/somewhere/bin"
    assert launcher.stat().st_mode & 0o111
    assert sys.executable in launcher.read_text()


def test_an_old_launcher_is_replaced(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "tool", lambda name: Path("/somewhere/bin") / name)
    launcher = Path(install.engine_path().split(":")[1]) / "pulumi-resource-pulumi-python"
    good = launcher.read_text()
    launcher.write_text("#!/bin/sh\nexit 1\n")
    install.engine_path()
    assert launcher.read_text() == good
    assert launcher.stat().st_mode & 0o111


def test_machines_get_just_their_programs_and_never_a_broken_one(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "cache/yrd/tools/x"
    source.mkdir(parents=True)
    for name in (*install.MACHINE, "other"):
        (source / name).write_text("good")
    monkeypatch.setattr(install, "tool", lambda name: source / name)
    folder = install.machine_bin()
    assert {p.name for p in folder.iterdir()} == set(install.MACHINE)
    (source / "bao").unlink()
    (source / "bao").write_text("made anew")
    assert (install.machine_bin() / "bao").read_text() == "made anew"


def test_progress_is_one_line_per_step_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Board() as report:
        report("helm", "building")
        report("helm", READY)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["helm: building", "helm: ready"]

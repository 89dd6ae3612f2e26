"""Zipapps of services: complete, the same bytes every time, and only what may run on a machine."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from model.errors import YrdError
from toolchain import apps

APP = apps.App("tiny", "services.tiny.__main__:main")
FILES = {
    "services/__init__.py": "",
    "services/tiny/__init__.py": "",
    "services/tiny/__main__.py": "from services.tiny import words\nfrom . import more\n\n"
    "def main() -> int:\n    print(words.WORD, more.NAME)\n    return 0\n",
    "services/tiny/words.py": "WORD = 'hello'\n",
    "services/tiny/more.py": "def f():\n    from model.names import X\n    return X\n\nNAME = f()\n",
    "services/tiny/templates/page.html": "<p>page</p>",
    "services/tiny/__pycache__/words.pyc": "junk",
    "services/other/__init__.py": "",
    "model/__init__.py": "",
    "model/names.py": "X = 'names'\n",
    "model/types.py": "import pydantic\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for inside, text in files.items():
        path = root / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_package_goes_in_whole_and_what_it_imports_with_it(tree: Path) -> None:
    assert set(apps.contents(APP, tree)) == {
        "__main__.py",
        "model/__init__.py",
        "model/names.py",
        "services/__init__.py",
        "services/tiny/__init__.py",
        "services/tiny/__main__.py",
        "services/tiny/more.py",
        "services/tiny/templates/page.html",
        "services/tiny/words.py",
    }


def test_it_runs_from_the_file_alone(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "tiny.pyz"
    target.write_bytes(apps.pack(apps.contents(APP, tree)))
    done = subprocess.run([sys.executable, "-I", str(target)], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "hello names\n"


def test_a_package_without_init_is_found_inside_the_file(tree: Path, tmp_path: Path) -> None:
    (tree / "services/__init__.py").unlink()
    target = tmp_path / "tiny.pyz"
    target.write_bytes(apps.pack(apps.contents(APP, tree)))
    done = subprocess.run([sys.executable, "-I", str(target)], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "hello names\n"


def test_the_same_sources_give_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    first = apps.pack(apps.contents(APP, tree))
    copy = tmp_path / "copy"
    write(copy, dict(reversed(FILES.items())))
    assert apps.pack(apps.contents(APP, copy)) == first


def test_changed_code_is_another_file(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(apps, "ROOT", tree)
    monkeypatch.setattr(apps, "catalogue", lambda: {"tiny": APP})
    first = apps.build("tiny")
    assert apps.build("tiny") == first
    (tree / "services/tiny/words.py").write_text("WORD = 'bye'\n")
    assert apps.build("tiny") != first


def test_a_broken_file_in_the_cache_is_made_anew(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(apps, "ROOT", tree)
    monkeypatch.setattr(apps, "catalogue", lambda: {"tiny": APP})
    good = apps.build("tiny").read_bytes()
    apps.build("tiny").write_bytes(b"broken")
    assert apps.build("tiny").read_bytes() == good
    assert zipfile.is_zipfile(apps.build("tiny"))


@pytest.mark.parametrize(
    ("line", "code"),
    [("from services.missing import x", "E221"), ("import services.missing", "E221"), ("import stacks", "E222")],
)
def test_what_is_not_there_or_has_no_place_on_a_machine_is_refused(tree: Path, line: str, code: str) -> None:
    (tree / "services/tiny/words.py").write_text(f"{line}\n")
    with pytest.raises(YrdError) as caught:
        apps.contents(APP, tree)
    assert caught.value.code == code


def test_an_unknown_app_is_refused() -> None:
    with pytest.raises(YrdError, match="E220"):
        apps.build("nobody")


def test_an_app_without_its_start_is_refused(tree: Path) -> None:
    (tree / "services/tiny/__main__.py").unlink()
    with pytest.raises(YrdError, match=r"E221 .*services\.tiny\.__main__"):
        apps.contents(APP, tree)

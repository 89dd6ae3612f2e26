"""Zipapps of services: complete, the same bytes every time, and named after what is inside."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import YrdError
from toolchain import apps

#: Rooms of ours; an import of one of these must be answered from inside the file.
OURS = {"clients", "model", "monitoring", "policies", "scripts", "services", "stacks", "toolchain"}
FILES = {
    "services/__init__.py": "",
    "services/tiny/__init__.py": "",
    "services/tiny/__main__.py": "from services.tiny import words\n\ndef main():\n    print(words.WORD)\n",
    "services/tiny/words.py": "WORD = 'hello'\n",
    "services/tiny/templates/page.html": "<p>page</p>",
    "services/tiny/__pycache__/words.pyc": "junk",
}
SPEC = {"tiny": {"modules": ["services/tiny", "services/__init__.py"], "entry": "services.tiny.__main__:main"}}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "checkout"
    for inside, text in FILES.items():
        path = root / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(apps, "ROOT", root)
    monkeypatch.setattr(apps, "specs", lambda: SPEC)
    return root


def test_it_holds_the_package_with_its_data_and_no_leftovers(tree: Path) -> None:
    names = set(zipfile.ZipFile(apps.build("tiny")).namelist())
    assert names == {*(n for n in FILES if "__pycache__" not in n), "__main__.py"}


def test_it_runs_from_the_file_alone(tree: Path) -> None:
    command = [sys.executable, "-I", str(apps.build("tiny"))]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout == "hello\n"


def test_the_same_sources_give_the_same_bytes(tree: Path) -> None:
    first = apps.build("tiny")
    content = first.read_bytes()
    first.unlink()
    for path in tree.rglob("*.py"):
        path.touch()
    assert apps.build("tiny") == first
    assert first.read_bytes() == content


def test_changed_code_is_another_file(tree: Path) -> None:
    first = apps.build("tiny")
    (tree / "services/tiny/words.py").write_text("WORD = 'bye'\n")
    assert apps.build("tiny").stem != first.stem


def test_what_is_not_there_is_refused(tree: Path) -> None:
    (tree / "services/__init__.py").unlink()
    with pytest.raises(YrdError, match=r"E215 .*services/__init__\.py"):
        apps.build("tiny")
    with pytest.raises(YrdError, match=r"E215 .*nobody"):
        apps.build("nobody")


@pytest.mark.parametrize("name", list(apps.specs()))
def test_a_service_brings_every_module_of_ours_that_it_imports(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with zipfile.ZipFile(apps.build(name)) as archive:
        inside = set(archive.namelist())
        start = apps.specs()[name]["entry"].partition(":")[0].replace(".", "/") + ".py"
        missing = {
            f"{path} imports {module}"
            for path in inside
            if path.endswith(".py")
            for module in imported(archive.read(path), path)
            if not held(module, inside)
        }
    assert start in inside
    assert missing == set()
    # Inside a zip a package without `__init__.py` is not found.
    packages = {folder for path in inside if path.endswith(".py") for folder in Path(path).parents if folder.name}
    assert {str(p) for p in packages if f"{p}/__init__.py" not in inside} == set()


def imported(source: bytes, path: str) -> Iterator[str]:
    package = path.split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in OURS)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            if module.split(".")[0] in OURS:
                yield module


def held(module: str, inside: set[str]) -> bool:
    place = module.replace(".", "/")
    return f"{place}.py" in inside or f"{place}/__init__.py" in inside

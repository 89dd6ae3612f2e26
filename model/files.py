"""Looks at `region/`: which files there are, of which kind, with their bytes. Judges nothing but their place."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.codes import Words
from model.document import Mark, fault_at
from model.errors import BadInputError, UnreachableError
from model.faults import Fault
from model.types import FOLDERS, Kind

#: Overrides the folder that is read; for trying out a change beside the checkout.
VARIABLE = "YRD_REGION"
REGION_FILE = "region.yaml"
SUFFIX = ".yaml"
#: Generated, and not part of what is declared.
SCHEMA = "schema"


@dataclass(frozen=True)
class File:
    """One file as it was found; `path` is what messages call it."""

    kind: Kind
    path: str
    stem: str
    raw: bytes


def find_root() -> Path:
    """The checkout: the nearest folder above the working directory, or else above this file, that has a region.

    Raises BadInputError E101 where there is none.
    """
    for start in (Path.cwd(), Path(__file__).parent):
        for folder in (start, *start.parents):
            if (folder / "region" / REGION_FILE).is_file() and (folder / "model" / "types.py").is_file():
                return folder
    raise BadInputError(
        "E101",
        "当前目录不在检出的代码库内",
        "the working directory is not inside a checkout",
        "进入代码库目录再运行",
        "run it inside the checkout",
    )


def region_folder(root: Path) -> Path:
    """`root/region`, unless YRD_REGION names another folder."""
    override = os.environ.get(VARIABLE)
    return Path(override) if override else root / "region"


def look(root: Path) -> tuple[tuple[File, ...], tuple[Fault, ...]]:
    """Files of every kind in the order of their names, and a fault for each that nobody would read."""
    folder = region_folder(root)
    label = "region" if folder == root / "region" else str(folder)
    if not (folder / REGION_FILE).is_file():
        return (), (_no_region(f"{label}/{REGION_FILE}"),)
    files, faults = [_file(Kind.REGION, folder / REGION_FILE, f"{label}/{REGION_FILE}")], [*_strays(folder, label)]
    for kind, name in FOLDERS.items():
        for path in _entries(folder / name):
            shown = f"{label}/{name}/{path.name}"
            if not path.resolve().is_relative_to(folder.resolve()):
                faults.append(_outside(shown))
            elif path.suffix == SUFFIX and path.is_file():
                files.append(_file(kind, path, shown))
            else:
                faults.append(_not_read(shown, f"{path.stem}{SUFFIX}"))
    return tuple(files), tuple(faults)


def _entries(folder: Path) -> list[Path]:
    """What people put there; not what editors and systems do."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "README")) and not p.name.endswith("~"))


def _strays(folder: Path, label: str) -> Iterator[Fault]:
    known = [*FOLDERS.values(), SCHEMA, REGION_FILE]
    # `identity/people` makes `identity` known, and what lies in there is looked at as well.
    parents = dict.fromkeys(name.partition("/")[0] for name in known if "/" in name)
    yield from _unknown(folder, label, [*(n for n in known if "/" not in n), *parents])
    for parent in parents:
        inside = [name.partition("/")[2] for name in known if name.startswith(f"{parent}/")]
        yield from _unknown(folder / parent, f"{label}/{parent}", inside)


def _unknown(folder: Path, label: str, known: list[str]) -> Iterator[Fault]:
    for path in _entries(folder):
        if path.name not in known:
            near = difflib.get_close_matches(path.name, known, 1)
            yield _not_read(f"{label}/{path.name}", near[0] if near else ", ".join(known))


def _file(kind: Kind, path: Path, shown: str) -> File:
    try:
        return File(kind, shown, path.stem, path.read_bytes())
    except OSError as error:
        raise UnreachableError(
            "E101",
            f"无法读取 {shown}：{error.strerror}",
            f"cannot read {shown}: {error.strerror}",
            "检查权限",
            "check its mode",
        ) from error


def _no_region(path: str) -> Fault:
    return fault_at(
        "E101",
        path,
        Mark(1, 1),
        "",
        Words("区域没有这个文件就没有成员", "without this file the region has no members"),
        Words("从检出的代码库恢复，或改正 YRD_REGION", "restore it from the repository, or correct YRD_REGION"),
    )


def _not_read(path: str, wanted: str) -> Fault:
    return fault_at(
        "E104",
        path,
        Mark(1, 1),
        path.rpartition("/")[2],
        Words("不会被读取，其内容没有作用", "it would not be read, so it would have no effect"),
        Words(f"改名为 {wanted}，或移出 region/", f"call it {wanted}, or move it out of region/"),
    )


def _outside(path: str) -> Fault:
    return fault_at(
        "E172",
        path,
        Mark(1, 1),
        path.rpartition("/")[2],
        Words("符号链接指向 region/ 之外", "a symbolic link that leaves region/"),
        Words("用文件本身代替链接", "put the file itself there"),
    )

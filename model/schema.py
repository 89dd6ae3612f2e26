"""JSON Schemas for editors, generated from the types: `python -m model.schema` writes them, `--check` compares."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from model.errors import BadInputError
from model.files import SCHEMA, find_root
from model.types import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COMMAND = "python -m model.schema"
SUFFIX = ".schema.json"


def schemas() -> dict[str, str]:
    """File name to text, one per kind."""
    return {f"{kind}{SUFFIX}": _text(cls.model_json_schema(by_alias=True)) for kind, cls in KINDS.items()}


def _text(schema: Mapping[str, object]) -> str:
    return json.dumps({"$schema": DIALECT, **schema}, ensure_ascii=False, indent=2) + "\n"


def stale(folder: Path) -> tuple[str, ...]:
    """Names of files that are missing, different, or generated for a kind that is no more."""
    wanted = schemas()
    different = [name for name, text in wanted.items() if _read(folder / name) != text]
    left_over = [p.name for p in folder.glob(f"*{SUFFIX}") if p.name not in wanted]
    return tuple(sorted(different + left_over))


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def write(folder: Path) -> tuple[str, ...]:
    """Makes the folder equal to the types; the names that it changed."""
    changed, wanted = stale(folder), schemas()
    folder.mkdir(exist_ok=True)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], "utf-8")
        else:
            (folder / name).unlink()
    return changed


def check(folder: Path) -> None:
    """Raises BadInputError E104 naming the files and the command that writes them."""
    names = ", ".join(stale(folder))
    if names:
        raise BadInputError(
            "E104",
            f"{names} 与 model/types.py 不一致",
            f"{names} differ from model/types.py",
            f"运行 {COMMAND}",
            f"run `{COMMAND}`",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, or that of the error."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a file is stale")
    only_check = bool(parser.parse_args(arguments).check)
    try:
        folder = find_root() / "region" / SCHEMA
        if only_check:
            check(folder)
        else:
            sys.stdout.write("".join(f"{name}\n" for name in write(folder)))
    except BadInputError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Schemas for editors: equal to the types, and a stale one names the command that mends it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model import schema
from model.errors import BadInputError
from model.files import SCHEMA
from model.types import FOLDERS, KINDS, Kind


def test_checked_in_schemas_are_fresh(root: Path) -> None:
    schema.check(root / "region" / SCHEMA)


def test_a_stale_schema_names_the_command(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "schema"
    shutil.copytree(root / "region" / SCHEMA, folder)
    (folder / "organ.schema.json").write_text("{}", "utf-8")
    (folder / "gone.schema.json").write_text("{}", "utf-8")
    with pytest.raises(BadInputError, match=r"gone\.schema\.json, organ\.schema\.json") as caught:
        schema.check(folder)
    assert schema.COMMAND in caught.value.fix_en
    assert schema.write(folder) == ("gone.schema.json", "organ.schema.json")
    schema.check(folder)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_schema_is_strict_and_knows_every_field(kind: Kind) -> None:
    text = json.loads(schema.schemas()[f"{kind}.schema.json"])
    assert text["additionalProperties"] is False
    assert set(text["properties"]) == {f.alias or name for name, f in KINDS[kind].model_fields.items()}


def test_every_file_points_at_its_schema(root: Path) -> None:
    region = root / "region"
    files = [(Kind.REGION, region / "region.yaml")]
    files += [(kind, path) for kind, name in FOLDERS.items() for path in (region / name).glob("*.yaml")]
    for kind, path in files:
        first = path.read_text("utf-8").splitlines()[0]
        target = first.partition("$schema=")[2]
        assert (path.parent / target).resolve() == (region / "schema" / f"{kind}.schema.json").resolve(), path

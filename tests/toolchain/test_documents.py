"""What a document says that there is, is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_of_faults_names_is_there() -> None:
    rows = [line for line in (ROOT / "docs/faults.md").read_text().splitlines() if line.startswith("| ")][2:]
    named = [re.findall(r"`(tests/[^`]+)`", row) for row in rows]
    assert len(rows) > 10 and all(named)
    absent = [name for names in named for name in names if not _there(*name.split("::"))]
    assert not absent


def _there(path: str, test: str = "") -> bool:
    place = ROOT / path
    return place.is_dir() if not test else place.is_file() and f"def {test}(" in place.read_text()

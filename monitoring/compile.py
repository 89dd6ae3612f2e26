"""Short alert files to one Prometheus rules file; a rule without a runbook, or with a field of no meaning, is refused.

`python -m monitoring.compile` prints it; `--check` compares it with the committed file, `--write` renews that.
"""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter
from ruamel.yaml import YAML

from model.errors import BadInputError
from model.types import Model, Text

HERE = Path(__file__).resolve().parent
#: Committed, so that a review sees what Prometheus gets; Ansible would read its `{{ }}` as templates of its own.
GOLDEN = HERE.parent / "roles" / "hub" / "files" / "etc" / "prometheus" / "rules" / "yrd.yml"


class Alert(Model):
    """`monitoring/alerts/*.yaml`, one entry."""

    name: str = Field(pattern=r"^[A-Z][A-Za-z]+$")
    expr: str
    hold: str = Field(alias="for", pattern=r"^\d+[smhd]$")
    severity: Literal["critical", "warning"]
    summary: Text


def alerts(folder: Path = HERE) -> tuple[Alert, ...]:
    """Every alert in order of files. Raises BadInputError E157 for one that is named twice or has no runbook."""
    adapter = TypeAdapter(tuple[Alert, ...])
    yaml = YAML(typ="safe", pure=True)
    found = [a for path in sorted((folder / "alerts").glob("*.yaml")) for a in adapter.validate_python(yaml.load(path))]
    names = [alert.name for alert in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    bare = [name for name in names if not (folder / "runbooks" / f"{name}.md").is_file()]
    if twice or bare:
        raise BadInputError(
            "E157",
            f"告警重复：{twice}；缺少处置手册：{bare}",
            f"alerts named twice: {twice}; without a runbook: {bare}",
            "在 monitoring/runbooks/ 中补上",
            "write monitoring/runbooks/<name>.md",
        )
    return tuple(found)


def rules(folder: Path = HERE) -> str:
    """The text of `/etc/prometheus/rules/yrd.yml`."""
    rows = [
        {
            "alert": alert.name,
            "expr": alert.expr,
            "for": alert.hold,
            "labels": {"severity": alert.severity},
            "annotations": {
                "summary": alert.summary.en,
                "summary_zh": alert.summary.zh,
                "runbook": f"monitoring/runbooks/{alert.name}.md",
            },
        }
        for alert in alerts(folder)
    ]
    yaml, out = YAML(), StringIO()
    yaml.width = 4096
    yaml.dump({"groups": [{"name": "yrd", "rules": rows}]}, out)
    return "# Made by `make golden` from monitoring/alerts.\n" + out.getvalue()


def main(words: list[str]) -> int:
    text = rules()
    if "--write" in words:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(text)
    elif "--check" in words:
        if not GOLDEN.exists() or GOLDEN.read_text() != text:
            sys.stderr.write(f"{GOLDEN.name} is not what monitoring/alerts says; run `make golden`\n")
            return 1
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

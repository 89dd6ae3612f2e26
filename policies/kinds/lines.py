"""Lines that a configuration must have, and lines that it must not have."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from model.types import Model
from policies.kinds.common import conclude, look_up
from policies.types import Facts, Observation


def _pattern(text: str) -> str:
    re.compile(text)
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class Params(Model):
    """Patterns match anywhere in a line whose blanks are single."""

    section: str
    required: tuple[Pattern, ...] = ()
    forbidden: tuple[Pattern, ...] = ()
    in_order: tuple[Pattern, ...] = Field(default=(), description="must be there, in this order")


def judge(facts: Facts, params: Params) -> Observation:
    lines: list[str] = list(look_up(facts, params.section))
    missing = [f"no line like /{p}/" for p in params.required if not any(re.search(p, line) for line in lines)]
    wrong = [f"unwanted line: {line}" for line in lines if any(re.search(p, line) for p in params.forbidden)]
    return conclude(
        params.section,
        _expected(params),
        [*missing, *wrong, *_disorder(lines, params)],
        f"{len(lines)} lines as expected",
    )


def _disorder(lines: list[str], params: Params) -> list[str]:
    places = [next((at for at, line in enumerate(lines) if re.search(p, line)), None) for p in params.in_order]
    missing = [f"no line like /{p}/" for p, at in zip(params.in_order, places, strict=True) if at is None]
    found = [at for at in places if at is not None]
    return missing or ([] if found == sorted(found) else ["lines are out of order"])


def _expected(params: Params) -> str:
    parts = [f"a line like /{p}/" for p in (*params.required, *params.in_order)] + [
        f"none like /{p}/" for p in params.forbidden
    ]
    return "; ".join(parts)

"""What every kind of file is made of: names, moments, texts, and the strictness of all models."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

LABEL_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
CODE_PATTERN = r"^[1-9][0-9]0000$"
DOMAIN_PATTERN = r"^[a-z]([a-z0-9-]*[a-z0-9])?(\.[a-z]([a-z0-9-]*[a-z0-9])?)*$"
VERSION_PATTERN = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}$"
FIELD_PATTERN = r"^[a-z][a-z0-9_]*$"
PATH_PATTERN = r"^(/[a-z0-9_-]+)+$"
HOST_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"
USER_PATTERN = r"^[a-z_][a-z0-9_-]{0,31}$"

#: RFC 1123 label; `checks/names.py` sees to it that every name derived from it fits as well.
Label = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=63)]
#: GB/T 2260 administrative division code of a province: two digits and four zeros.
RegionCode = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _instant(value: object) -> object:
    """Text to datetime, ISO 8601 with a time of day; pydantic alone would take "5" for a second of 1970."""
    if not isinstance(value, str):
        return value
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}", value):
        raise ValueError("not an ISO 8601 time")
    return datetime.fromisoformat(value)


#: A moment; always with a zone.
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]


class Model(BaseModel):
    """Frozen, and strict about fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Model):
    """A text that people read, in both languages of the region's users."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Validity(Model):
    """Half-open interval; both ends carry a zone."""

    since: Instant
    until: Instant

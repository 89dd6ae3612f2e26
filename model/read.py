"""Document to typed object: pydantic decides, this file says it in the region's words. Pure."""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from model.base import LABEL_PATTERN
from model.codes import Words
from model.document import Document, Loc
from model.faults import Fault, shown
from model.shapes import accepted
from model.types import KINDS, Model

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Entry(Generic[M]):
    """A valid object and the file that it came from."""

    document: Document
    item: M


def read(document: Document) -> tuple[Model | None, tuple[Fault, ...]]:
    """The typed object, or every fault of the fields. JSON mode, strictly: text is no number, 1 is no truth."""
    cls = KINDS[document.kind]
    try:
        return cls.model_validate_json(json.dumps(document.value), strict=True), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
    return None, tuple(_fault(document, detail) for detail in details if not _echo(document, detail))


def _echo(document: Document, detail: ErrorDetails) -> bool:
    """Pydantic does not count faulty items and then finds the list too short; their own faults are told already."""
    given = document.at(detail["loc"])
    return detail["type"] == "too_short" and isinstance(given, list) and len(given) >= detail["ctx"]["min_length"]


def _fault(document: Document, detail: ErrorDetails) -> Fault:
    make = _MAKERS.get(detail["type"], _value)
    return make(document, detail)


def _missing(document: Document, detail: ErrorDetails) -> Fault:
    loc, name = detail["loc"][:-1], str(detail["loc"][-1])
    inside = ".".join(map(str, loc))
    return document.fault(
        "E113",
        loc,
        Words(f"“{inside}”必须有该字段" if inside else "必填", f"required in `{inside}`" if inside else "required"),
        Words(f"加上“{name}: ...”", f"add `{name}: ...`"),
        value=name,
    )


def _unknown(document: Document, detail: ErrorDetails) -> Fault:
    loc, name = detail["loc"], str(detail["loc"][-1])
    fields = _fields(_model_at(KINDS[document.kind], loc[:-1]))
    listed = ", ".join(fields)
    return document.fault(
        "E110",
        loc,
        Words(f"可用字段：{listed}", f"known fields: {listed}"),
        _instead(name, document.at(loc), fields),
        value=shown(name),
        key=True,
    )


def _instead(name: str, value: object, fields: list[str]) -> Words:
    near = difflib.get_close_matches(name, fields, 1)
    if near:
        return Words(f"是不是“{near[0]}”？", f"did you mean `{near[0]}`?")
    if value is None and " " in name:
        # `{en: One machine, for trying}`: to YAML the second half is a field without a value.
        return Words(
            "花括号里的逗号会开始新字段；给整句加引号", "inside {} a comma begins a new field; quote the sentence"
        )
    return Words("删除该字段", "remove it")


def _zone(document: Document, detail: ErrorDetails) -> Fault:
    value = str(document.at(detail["loc"]))
    return document.fault(
        "E134",
        detail["loc"],
        Words("没有时区就无法比较，各省会读出不同的时刻", "without one, each reader sees another moment"),
        Words(f"写成 {_with_zone(value)}", f"write {_with_zone(value)}"),
    )


def _with_zone(value: str) -> str:
    return f"{value}+08:00" if ":" in value else f"{value[:10]}T00:00:00+08:00"


def _label(document: Document, detail: ErrorDetails) -> Fault:
    wanted = accepted(detail)
    return document.fault("E107", detail["loc"], wanted, Words("改成合规的短名称", "choose a name that fits"))


def _too_long(document: Document, detail: ErrorDetails) -> Fault:
    limit = int(detail["ctx"]["max_length"])
    size = len(str(document.at(detail["loc"])).encode())
    return document.fault(
        "E107",
        detail["loc"],
        Words(f"长 {size} 字节，上限 {limit}", f"{size} bytes, at most {limit}"),
        Words(f"缩短 {size - limit} 字节", f"shorten it by {size - limit}"),
    )


def _pattern(document: Document, detail: ErrorDetails) -> Fault:
    return (_label if detail["ctx"]["pattern"] == LABEL_PATTERN else _value)(document, detail)


def _value(document: Document, detail: ErrorDetails) -> Fault:
    loc = detail["loc"]
    given = str(document.at(loc))
    if detail["type"] == "value_error" and given[:10].count("-") == 2 and ":" not in given and len(given) == 10:
        return _zone(document, detail)
    port = "ports" in loc or loc[-1:] == ("loopback",)
    wanted, field = accepted(detail), ".".join(map(str, loc))
    schema = f"region/schema/{document.kind}.schema.json"
    return document.fault(
        "E124" if port and "than" in detail["type"] else "E109",
        loc,
        Words(f"{field}：{wanted.zh}", f"`{field}` takes {wanted.en}"),
        Words(f"照此改写；全部规则见 {schema}", f"write such a value; every rule is in {schema}"),
        value=None if document.at(loc) is not None else "null",
    )


_MAKERS: dict[str, Callable[[Document, ErrorDetails], Fault]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "timezone_aware": _zone,
    "string_pattern_mismatch": _pattern,
    "string_too_long": _too_long,
}


def _model_at(cls: type[Model], loc: Loc) -> type[Model] | None:
    """Class of the mapping at `loc`, followed through tuples, dictionaries and optional fields."""
    current: Any = cls
    for step in loc:
        if isinstance(current, type) and issubclass(current, Model):
            by_name = {f.alias or name: f.annotation for name, f in current.model_fields.items()}
            current = by_name.get(str(step))
        elif get_origin(current) in (tuple, dict):
            current = get_args(current)[-1 if get_origin(current) is dict else 0]
        if get_origin(current) in (Union, types.UnionType):
            current = next((a for a in get_args(current) if a is not type(None)), None)
    return current if isinstance(current, type) and issubclass(current, Model) else None


def _fields(cls: type[Model] | None) -> list[str]:
    return [f.alias or name for name, f in cls.model_fields.items()] if cls else []

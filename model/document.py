"""A file of `region/` as text with positions: bytes in, plain values and the place of each out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model.codes import Words
from model.faults import Fault, Severity, shown
from model.types import Kind

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Mark:
    """Line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Scalar:
    """One value as it was written; `loc` is where it lies, `is_key` whether it is the key there."""

    loc: Loc
    text: str
    mark: Mark
    is_key: bool = False


@dataclass(frozen=True)
class Document:
    """`path` is what messages call the file, `stem` its name without `.yaml`."""

    kind: Kind
    path: str
    stem: str
    value: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[Loc, Mark] = field(default_factory=dict)
    values: Mapping[Loc, Mark] = field(default_factory=dict)
    scalars: tuple[Scalar, ...] = ()

    @property
    def name(self) -> str:
        """The identity that the file gives itself, or else its file name."""
        name = self.value.get("name")
        return name if isinstance(name, str) else self.stem

    def mark(self, loc: Loc, key: bool = False) -> Mark:
        """Where `loc` stands, or the nearest thing around it that is written at all."""
        for end in range(len(loc), -1, -1):
            place = (self.keys if key else self.values).get(loc[:end]) or self.values.get(loc[:end])
            if place:
                return place
        return Mark(1, 1)

    def at(self, loc: Loc) -> object:
        """The plain value at `loc`; None where there is nothing."""
        value: Any = self.value
        for step in loc:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def fault(
        self,
        code: str,
        loc: Loc,
        why: Words,
        fix: Words,
        *,
        value: object = None,
        key: bool = False,
        severity: Severity = "error",
    ) -> Fault:
        """A fault at `loc`; `value` is what the message shows, by default the plain value there."""
        mark = self.mark(loc, key)
        given = self.at(loc) if value is None else value
        text = "" if given is None or isinstance(given, dict | list) else shown(given)
        return Fault(code, self.path, mark.line, mark.column, text, why.zh, why.en, fix.zh, fix.en, severity)


def fault_at(code: str, path: str, mark: Mark, value: str, why: Words, fix: Words) -> Fault:
    """A fault of a file that has no Document, because it could not be read so far."""
    return Fault(code, path, mark.line, mark.column, value, why.zh, why.en, fix.zh, fix.en)

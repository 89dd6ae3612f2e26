"""One fault of the input, with its position, and the error that carries all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from model.codes import TITLES, Words
from model.errors import BadInputError

#: Characters of a value that a message shows; the file has the rest.
SHOWN = 72
HIDDEN = "***"
#: Shorter secrets would be found inside ordinary words.
SHORTEST_SECRET = 6

Severity = Literal["error", "notice"]


@dataclass(frozen=True)
class Fault:
    """`line` and `column` count from 1. A `notice` is told and does not stop anything."""

    code: str
    path: str
    line: int
    column: int
    value: str
    why_zh: str
    why_en: str
    fix_zh: str
    fix_en: str
    severity: Severity = "error"

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    @property
    def title(self) -> Words:
        return TITLES[self.code]

    def english(self) -> str:
        """`E110 region/provinces/anhui.yaml:7:3 unknown field (replcias) — why — fix: ...`"""
        value = f" ({self.value})" if self.value else ""
        return f"{self.code} {self.place} {self.title.en}{value} — {self.why_en} — fix: {self.fix_en}"

    def chinese(self) -> str:
        value = f"（{self.value}）" if self.value else ""
        return f"{self.code} {self.place} {self.title.zh}{value} — {self.why_zh} — 改法：{self.fix_zh}"

    def render(self) -> str:
        """Two lines, English first."""
        return f"{self.english()}\n{self.chinese()}"

    def as_json(self) -> dict[str, object]:
        """For `--json`: the fields and the title."""
        return {
            "code": self.code,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "severity": self.severity,
            "value": self.value,
            "title": self.title._asdict(),
            "why": {"zh": self.why_zh, "en": self.why_en},
            "fix": {"zh": self.fix_zh, "en": self.fix_en},
        }

    def without(self, secrets: frozenset[str]) -> Fault:
        """The same with every one of `secrets` struck out, so that no fault prints what another one protects."""

        def strike(text: str) -> str:
            return _strike(text, secrets)

        return replace(
            self,
            value=strike(self.value),
            why_zh=strike(self.why_zh),
            why_en=strike(self.why_en),
            fix_zh=strike(self.fix_zh),
            fix_en=strike(self.fix_en),
        )


def shown(value: object) -> str:
    """A value as a message shows it: on one line, short, nothing invisible."""
    text = str(value)
    text = "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _strike(text: str, secrets: frozenset[str]) -> str:
    if text in secrets:
        return HIDDEN
    for secret in sorted(secrets, key=len, reverse=True):
        # A long value is cut before it is shown; its beginning must not survive the cut.
        for form in {secret, shown(secret), shown(secret)[:-1] if len(secret) > SHOWN else secret}:
            if len(form) >= SHORTEST_SECRET:
                text = text.replace(form, HIDDEN)
    return text


class InvalidRegionError(BadInputError):
    """`region/` cannot be used; `faults` holds every fault of it, notices included, in the order of files and lines."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        first = next((f for f in faults if f.severity == "error"), faults[0])
        super().__init__(first.code, first.why_zh, first.why_en, first.fix_zh, first.fix_en)

    def __str__(self) -> str:
        return "\n".join(fault.render() for fault in self.faults)


def in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """Each fault once, by file and position."""
    return tuple(sorted(set(faults), key=lambda f: (f.path, f.line, f.column, f.code, f.value, f.why_en)))

"""Errors are few and say what to do next.

YrdError                something a person can mend; carries a code, both languages and the fix
+-- BadInputError       the input is wrong; exit 2, nothing was changed
+-- UnreachableError    could not evaluate; exit 3, the same command may work later
"""

from __future__ import annotations


class YrdError(Exception):
    """Root of the tree. `str()` is one line per language."""

    exit_code = 1

    def __init__(self, code: str, zh: str, en: str, fix_zh: str = "", fix_en: str = "") -> None:
        self.code, self.zh, self.en, self.fix_zh, self.fix_en = code, zh, en, fix_zh, fix_en
        super().__init__(code, zh, en, fix_zh, fix_en)

    def __str__(self) -> str:
        lines = [(self.en, self.fix_en), (self.zh, self.fix_zh)]
        return "\n".join(f"{self.code} {what}" + (f" — {fix}" if fix else "") for what, fix in lines)


class BadInputError(YrdError):
    """The input is wrong: every fault of it is in the message, and nothing was changed."""

    exit_code = 2


class UnreachableError(YrdError):
    """Something needed for the answer cannot be reached; retry is sensible."""

    exit_code = 3

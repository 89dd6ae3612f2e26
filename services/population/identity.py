"""Citizen identification numbers by GB 11643-1999: 17 digits and a check character."""

from __future__ import annotations

from datetime import date

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
LENGTH = 18

#: First two digits of the divisions at province level, GB/T 2260.
PROVINCES = frozenset(
    str(code)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 82))
    for code in range(first, last + 1)
)


class InvalidCitizenIdError(ValueError):
    """`reason` says which rule is broken, never the number."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def check_character(digits: str) -> str:
    """Check character of the first 17 digits.

    >>> check_character("11010519491231002")
    'X'
    """
    return CHECKS[sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True)) % len(CHECKS)]


def parse(text: str) -> str:
    """The number in its one written form (`x` becomes `X`). Raises InvalidCitizenIdError.

    >>> parse("11010519491231002x")
    '11010519491231002X'
    """
    number = text.strip().upper()
    body = number[:-1]
    if len(number) != LENGTH:
        raise InvalidCitizenIdError("length")
    # `isdigit` alone would let digits of other scripts through.
    if not (body.isascii() and body.isdigit()) or number[-1] not in CHECKS:
        raise InvalidCitizenIdError("characters")
    if number[:2] not in PROVINCES:
        raise InvalidCitizenIdError("region")
    if not _is_date(number[6:14]):
        raise InvalidCitizenIdError("birth date")
    if check_character(body) != number[-1]:
        raise InvalidCitizenIdError("check character")
    return number


def _is_date(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True

"""Synthetic people, the same at every run and visibly invented: born in 1900, named 测试 ("test") and a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.population.identity import check_character

STEMS = "甲乙丙丁戊己庚辛壬癸"
BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
DIGITS = "〇一二三四五六七八九"
#: Sequence numbers 001 to 999 exist for each place and day.
PER_DAY = 999
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(1900, 12, 31)


@dataclass(frozen=True)
class Person:
    citizen_id: str
    name: str


def people(region: str, count: int) -> Iterator[Person]:
    """`count` people of the province with the GB/T 2260 code `region`, placed into its first city.

    Raises ValueError when the year 1900 is too short for so many.
    """
    capacity = ((LAST_DAY - FIRST_DAY).days + 1) * PER_DAY
    if count > capacity:
        raise ValueError(f"at most {capacity} people, not {count}")
    city = f"{region[:2]}0100"
    return (_person(city, number) for number in range(count))


def _person(city: str, number: int) -> Person:
    born = FIRST_DAY + timedelta(days=number // PER_DAY)
    body = f"{city}{born:%Y%m%d}{number % PER_DAY + 1:03d}"
    return Person(body + check_character(body), _name(number))


def _name(number: int) -> str:
    cycle, place = divmod(number, 60)
    suffix = "".join(DIGITS[int(digit)] for digit in str(cycle)) if cycle else ""
    return f"测试{STEMS[place % 10]}{BRANCHES[place % 12]}{suffix}"

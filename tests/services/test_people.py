"""Synthetic people: valid numbers, visibly invented, the same at every run."""

from __future__ import annotations

import pytest

from services.population.identity import parse
from services.population.people import PER_DAY, people


def test_the_first_person_is_the_documented_sample() -> None:
    first = next(people("340000", 1))
    assert (first.citizen_id, first.name) == ("340100190001010010", "测试甲子")


def test_everybody_is_valid_unique_and_visibly_invented() -> None:
    crowd = list(people("340000", 2 * PER_DAY))
    assert len({p.citizen_id for p in crowd}) == len(crowd)
    assert len({p.name for p in crowd}) == len(crowd)
    for person in crowd:
        assert parse(person.citizen_id) == person.citizen_id
        assert person.citizen_id[6:10] == "1900"
        assert person.name.startswith("测试")


def test_the_same_people_come_back() -> None:
    assert list(people("310000", 70)) == list(people("310000", 70))


def test_a_year_holds_only_so_many() -> None:
    with pytest.raises(ValueError, match="at most"):
        people("340000", 365 * PER_DAY + 1)

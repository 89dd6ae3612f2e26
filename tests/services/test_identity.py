"""GB 11643: the standard's samples, and one fault at a time."""

from __future__ import annotations

import pytest

from services.population.identity import InvalidCitizenIdError, check_character, parse

SAMPLES = ["11010519491231002X", "440524188001010014", "340100190001010010", "310101190001010011"]


@pytest.mark.parametrize("number", SAMPLES)
def test_samples_are_valid(number: str) -> None:
    assert parse(number) == number
    assert check_character(number[:-1]) == number[-1]


@pytest.mark.parametrize("number", SAMPLES)
def test_every_single_wrong_digit_is_noticed(number: str) -> None:
    for place in range(17):
        for digit in "0123456789":
            if digit != number[place]:
                with pytest.raises(InvalidCitizenIdError):
                    parse(number[:place] + digit + number[place + 1 :])


def test_a_small_x_and_spaces_around_are_the_same_number() -> None:
    assert parse(" 11010519491231002x\n") == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", "length"),
        ("110105491231002", "length"),
        ("11010519491231002XX", "length"),
        ("11010519491231002Y", "characters"),
        ("1101051949123100AX", "characters"),
        ("１１０１０５１９４９１２３１００２X", "characters"),
        ("99010519491231002X", "region"),
        ("11010519491331002X", "birth date"),
        ("11010519000229002X", "birth date"),
        ("110105194912310021", "check character"),
    ],
)
def test_a_broken_number_names_the_broken_rule_and_not_itself(number: str, reason: str) -> None:
    with pytest.raises(InvalidCitizenIdError) as caught:
        parse(number)
    assert caught.value.reason == reason
    assert not number or number not in str(caught.value)

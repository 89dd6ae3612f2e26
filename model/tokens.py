"""What a person's token must say before a back end believes it. CEL, in the words that the API server and OpenBao share. Pure.

A back end trusts a realm by its issuer, its keys and an audience of its own. Beyond that it asks for the province, for an
assurance level and for exactly one power: two powers in one token are a fault of the realm and open nothing (MC-01).
"""

from __future__ import annotations

from dataclasses import dataclass

from model.identity import (
    BROKER,
    CITIZEN,
    CLAIM_PROVINCE,
    CLAIM_ROLES,
    LEVELS,
    POWERS,
)

#: Levels at which a power may be used: with a second factor (CE-06).
STRONG = LEVELS[2:]
#: Seconds. A token that claims to live longer is not one of ours (CE-08).
LONGEST = 900
#: The API server wants to be told that a claim may be a list.
_ROLES = f"dyn(claims.{CLAIM_ROLES})"


@dataclass(frozen=True)
class Condition:
    """One thing that must hold of the claims."""

    expression: str
    message: str


def _list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


def powers() -> str:
    """The powers in a token, as a list. A `roles` that is no list is an error, and an error is a refusal."""
    return f"(has(claims.{CLAIM_ROLES}) ? {_ROLES} : dyn([])).filter(r, r in {_list(POWERS)})"


def own(province: str) -> tuple[Condition, ...]:
    """Conditions on a token of the province's own realm."""
    return (
        _province(province),
        *_strong(),
        Condition(f"{powers()}.size() == 1", "exactly one administrative power is needed"),
    )


def brokered(members: tuple[str, ...]) -> tuple[Condition, ...]:
    """Conditions on a token of the region's broker: whoever works for an organ of a member; it gives no power here."""
    works = f"has(claims.{CLAIM_ROLES}) && {_ROLES}.exists(r, r != '{CITIZEN}')"
    return (_member(members), *_strong(), Condition(works, "citizens have no business here"))


def _province(name: str) -> Condition:
    claim = f"claims.{CLAIM_PROVINCE}"
    return Condition(f"has({claim}) && {claim} == '{name}'", f"the token is not of a person of {name}")


def _member(members: tuple[str, ...]) -> Condition:
    claim = f"claims.{CLAIM_PROVINCE}"
    return Condition(f"has({claim}) && {claim} in {_list(members)}", "the token names no province of the region")


def _strong() -> tuple[Condition, ...]:
    lives = f"has(claims.exp) && has(claims.iat) && claims.exp - claims.iat <= {LONGEST}"
    return (
        Condition(f"has(claims.acr) && claims.acr in {_list(STRONG)}", "a second factor is needed"),
        Condition(lives, f"the token lives longer than {LONGEST} seconds"),
    )


def username(realm: str) -> str:
    """`anhui:li.si` for a province's own people; the broker's are known by a subject that is theirs here alone."""
    claim = "claims.sub" if realm == BROKER else "claims.preferred_username"
    return f"'{realm}:' + {claim}"


def groups(realm: str) -> str:
    """`anhui:audit-administrator`. The broker's groups name the home province and can never equal one of our own."""
    if realm == BROKER:
        return f"{_ROLES}.map(r, '{BROKER}:' + claims.{CLAIM_PROVINCE} + ':' + r)"
    return f"{powers()}.map(r, '{realm}:' + r)"


def group(province: str, power: str) -> str:
    """The group that RBAC binds a power's rights to."""
    return f"{province}:{power}"

"""Accounts that must not be there: each fault has a name, and a rule says which ones it looks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation

Fault = Literal[
    "shared-uid", "shared-name", "second-root", "empty-password", "password-outside-shadow", "weak-hash", "system-shell"
]
#: First id of people's accounts (UID_MIN of Debian's login.defs); below it are services.
FIRST_PERSON = 1000
SHELL_ALLOWED = ("root", "sync")
STRONG = ("yescrypt", "locked")


class Params(Model):
    forbid: tuple[Fault, ...] = Field(min_length=1)


User = Mapping[str, Any]


def _repeated(users: Sequence[User], key: str) -> list[str]:
    counts = Counter(user[key] for user in users)
    return [user["name"] for user in users if counts[user[key]] > 1]


def _named(users: Sequence[User], wrong: Callable[[User], bool]) -> list[str]:
    return [user["name"] for user in users if wrong(user)]


def _login(user: User) -> bool:
    return not str(user["shell"]).endswith(("/nologin", "/false"))


FINDERS: dict[Fault, Callable[[Sequence[User]], list[str]]] = {
    "shared-uid": lambda users: _repeated(users, "uid"),
    "shared-name": lambda users: _repeated(users, "name"),
    "second-root": lambda users: _named(users, lambda u: u["uid"] == 0 and u["name"] != "root"),
    "empty-password": lambda users: _named(users, lambda u: u["password"] == "empty"),  # noqa: S105
    "password-outside-shadow": lambda users: _named(users, lambda u: u["password"] in ("in-passwd", "absent")),
    "weak-hash": lambda users: _named(users, lambda u: u["password"] not in STRONG),
    "system-shell": lambda users: _named(
        users, lambda u: u["uid"] < FIRST_PERSON and u["name"] not in SHELL_ALLOWED and _login(u)
    ),
}


def judge(facts: Facts, params: Params) -> Observation:
    users: Sequence[User] = look_up(facts, "accounts.users")
    found = {fault: sorted(set(FINDERS[fault](users))) for fault in params.forbid}
    faults = [f"{fault}: {words(names)}" for fault, names in found.items() if names]
    faults += [] if users else ["no account at all was seen"]
    return conclude(
        "accounts", f"no account with {words(params.forbid)}", faults, f"{len(users)} accounts, none of these"
    )

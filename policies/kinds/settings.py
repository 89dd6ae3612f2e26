"""Named values of one section (sshd's effective settings, sysctls, PAM's files) against wanted ones."""

from __future__ import annotations

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, settings
from policies.types import Facts, Needs, Observation


class Params(Model):
    """`at_least` may name another fact instead of a number (`declared.password_minimum_length`)."""

    section: str
    equal: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="name to accepted values")
    at_most: dict[str, int] = Field(default_factory=dict)
    at_least: dict[str, int | str] = Field(default_factory=dict)
    subset: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="comma list, nothing else in it")
    may_be_absent: tuple[str, ...] = Field(default=(), description="prefixes of names that a kernel may not have")

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.equal, *self.at_most, *self.at_least, *self.subset)


def needs(params: Params) -> Needs:
    return Needs(sysctls=params.names) if params.section == "sysctls" else Needs()


def judge(facts: Facts, params: Params) -> Observation:
    live = settings(look_up(facts, params.section))
    floors = {name: _number(facts, value) for name, value in params.at_least.items()}
    checked = [name for name in params.names if not _excused(name, live, params)]
    faults = [
        f"{name} = {_shown(live.get(name))}" for name in checked if not _holds(name, live.get(name), params, floors)
    ]
    return conclude(params.section, _expected(params, floors), faults, f"{len(checked)} settings as expected")


def _number(facts: Facts, value: int | str) -> int:
    return value if isinstance(value, int) else int(look_up(facts, value))


def _excused(name: str, live: dict[str, str | None], params: Params) -> bool:
    return name in live and live[name] is None and name.startswith(params.may_be_absent)


def _holds(name: str, value: str | None, params: Params, floors: dict[str, int]) -> bool:
    if value is None:
        return False
    if name in params.equal and value not in params.equal[name]:
        return False
    if name in params.subset and not set(value.split(",")) <= set(params.subset[name]):
        return False
    if name in params.at_most or name in floors:
        number = int(value) if value.lstrip("-").isdigit() else None
        return number is not None and floors.get(name, number) <= number <= params.at_most.get(name, number)
    return True


def _shown(value: str | None) -> str:
    return "absent" if value is None else value or "set"


def _expected(params: Params, floors: dict[str, int]) -> str:
    parts = [f"{name} = {' or '.join(value or 'set' for value in values)}" for name, values in params.equal.items()]
    parts += [f"{name} <= {limit}" for name, limit in params.at_most.items()]
    parts += [f"{name} >= {floor}" for name, floor in floors.items()]
    parts += [f"{name} within {','.join(values)}" for name, values in params.subset.items()]
    return "; ".join(parts)

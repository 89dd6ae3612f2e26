"""systemd units that must be running and start with the machine."""

from __future__ import annotations

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Needs, Observation


class Params(Model):
    units: tuple[str, ...] = Field(min_length=1)


def needs(params: Params) -> Needs:
    return Needs(units=params.units)


def judge(facts: Facts, params: Params) -> Observation:
    states = {name: look_up(facts, "units")[name] for name in params.units}
    faults = [
        f"{name} is {state['ActiveState']}, {state['UnitFileState'] or 'not installed'}"
        for name, state in states.items()
        if (state["ActiveState"], state["UnitFileState"]) != ("active", "enabled")
    ]
    return conclude("systemd", f"{words(params.units)} active and enabled", faults, "active and enabled")

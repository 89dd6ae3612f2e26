"""Flags of Kubernetes' programs as they run now: the process, not the file that it was started from."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation


class Program(Model):
    """`contains` and `within` are about comma lists."""

    equal: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="flag to accepted values")
    contains: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    within: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()


class Params(Model):
    programs: dict[str, Program] = Field(min_length=1)


def judge(facts: Facts, params: Params) -> Observation:
    live: Mapping[str, list[str]] = look_up(facts, "kubernetes.processes")
    faults = [f"{name} does not run" for name in params.programs if name not in live]
    faults += [
        f"{name} {fault}"
        for name, wanted in params.programs.items()
        if name in live
        for fault in _faults(flags(live[name]), wanted)
    ]
    expected = "; ".join(f"{name} {_expected(wanted)}" for name, wanted in params.programs.items())
    return conclude("process arguments", expected, faults, f"{words(params.programs)} as expected")


def flags(arguments: list[str]) -> dict[str, str]:
    """`--name=value`; a flag without a value is true."""
    pairs = [word[2:].partition("=") for word in arguments if word.startswith("--")]
    return {name: value if equals else "true" for name, equals, value in pairs}


def _faults(live: dict[str, str], wanted: Program) -> list[str]:
    wrong = [name for name, values in wanted.equal.items() if live.get(name) not in values]
    wrong += [name for name, values in wanted.contains.items() if not set(values) <= set(live.get(name, "").split(","))]
    wrong += [name for name, values in wanted.within.items() if not set(live.get(name, "").split(",")) <= set(values)]
    return [f"--{name} = {live.get(name, 'not given')}" for name in dict.fromkeys(wrong)] + [
        f"--{name} is given" for name in wanted.absent if name in live
    ]


def _expected(wanted: Program) -> str:
    parts = [f"--{name} = {' or '.join(values)}" for name, values in wanted.equal.items()]
    parts += [f"--{name} has {words(values)}" for name, values in wanted.contains.items()]
    parts += [f"--{name} within {words(values)}" for name, values in wanted.within.items()]
    return ", ".join([*parts, *(f"no --{name}" for name in wanted.absent)])

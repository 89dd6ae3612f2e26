"""Debian packages that must be installed, and such that have no place on a machine."""

from __future__ import annotations

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation


class Params(Model):
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def judge(facts: Facts, params: Params) -> Observation:
    installed = look_up(facts, "packages")
    faults = [f"{name} is missing" for name in params.present if name not in installed]
    faults += [f"{name} {installed[name]} is installed" for name in params.absent if name in installed]
    expected = f"installed: {words(params.present)}; not installed: {words(params.absent)}"
    return conclude("dpkg", expected, faults, f"{len(installed)} packages, none unwanted, none missing")

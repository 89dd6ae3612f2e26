"""Admission policies that nobody can change through the API: read from files before etcd is."""

from __future__ import annotations

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation

#: Kubernetes gives names with this ending to static policies alone.
ENDING = ".static.k8s.io"


class Params(Model):
    at_least: int = Field(ge=1)


def judge(facts: Facts, params: Params) -> Observation:
    live = look_up(facts, "kubernetes.admission")
    bound = [name for name in live["policies"] if name.endswith(ENDING)]
    faults = [] if live["folder"] else ["no folder of static policies is configured"]
    faults += [] if len(bound) >= params.at_least else [f"{len(bound)} bound: {words(bound)}"]
    return conclude(
        "admission configuration", f"at least {params.at_least} static policies bound", faults, words(bound)
    )

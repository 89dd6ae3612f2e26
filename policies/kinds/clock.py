"""The machine's clock follows its source closely enough for certificates, tokens and logs."""

from __future__ import annotations

from model.types import Model
from policies.kinds.common import conclude, look_up
from policies.types import Facts, Observation


class Params(Model):
    """`user` is the account that chrony must run as."""

    maximum_offset_seconds: float
    user: str


def judge(facts: Facts, params: Params) -> Observation:
    clock = look_up(facts, "clock")
    faults = [] if clock["running"] else ["chrony does not run"]
    if clock["running"] and not clock["stratum"]:
        faults.append("not synchronised")
    if clock["offset_seconds"] is not None and abs(clock["offset_seconds"]) > params.maximum_offset_seconds:
        faults.append(f"{clock['offset_seconds']:.3f} s off")
    if f"user {params.user}" not in clock["config"]:
        faults.append(f"chrony does not run as {params.user}")
    expected = f"synchronised within {params.maximum_offset_seconds} s, as {params.user}"
    return conclude("chrony", expected, faults, f"{clock['offset_seconds']} s off")

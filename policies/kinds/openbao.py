"""What an OpenBao says about itself: audit devices, seal, and whether a token of root is left."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation, Verdict


class Params(Model):
    """`minimum` is about audit devices."""

    subject: Literal["audit", "seal", "root"]
    minimum: int = Field(default=1, ge=1)


def judge(facts: Facts, params: Params) -> Observation:
    return {"audit": _audit, "seal": _seal, "root": _root}[params.subject](facts, params)


def _audit(facts: Facts, params: Params) -> Observation:
    devices: list[str] = look_up(facts, "audit")
    faults = [] if len(devices) >= params.minimum else [f"{len(devices)} audit devices: {words(devices)}"]
    return conclude("sys/audit", f"at least {params.minimum} audit devices", faults, words(devices))


def _seal(facts: Facts, params: Params) -> Observation:
    del params
    status = look_up(facts, "seal")
    faults = [] if status["initialized"] else ["not initialised"]
    faults += ["sealed"] if status["sealed"] else []
    # One share that opens everything is as good as a key under the mat; an automatic seal has recovery shares instead.
    faults += (
        [] if status["type"] != "shamir" or status["t"] >= 3 else [f"{status['t']} of {status['n']} shares open it"]
    )
    return conclude(
        "sys/seal-status",
        "unsealed, by an automatic seal or at least 3 shares",
        faults,
        f"unsealed, seal {status['type']}",
    )


def _root(facts: Facts, params: Params) -> Observation:
    del params
    tokens = look_up(facts, "tokens")
    expected = "no token with the policy root"
    if tokens.get("forbidden"):
        said = "this credential may not list tokens: ask the security officer for `bao list auth/token/accessors`"
        return Observation(expected, said, "auth/token/accessors", Verdict.MANUAL)
    faults = [f"root token {accessor}" for accessor in tokens["root"]]
    return conclude("auth/token/accessors", expected, faults, f"{tokens['count']} tokens, none of them root's")

"""A hook drops what no rule accepts, no rule accepts everything, and what is dropped is counted and logged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, words
from policies.kinds.nftables import TABLE, accepts, chain, matches, rules
from policies.types import Facts, Needs, Observation

Hook = Literal["input", "output", "forward"]


class Params(Model):
    hooks: tuple[Hook, ...] = Field(min_length=1)
    recorded: bool = Field(default=False, description="also demand a counter and a log line for what is denied")


def needs(params: Params) -> Needs:
    del params
    return Needs(tables=(TABLE,))


def judge(facts: Facts, params: Params) -> Observation:
    faults = [
        fault
        for hook in params.hooks
        for fault in (*_open(facts, hook), *(_silent(facts, hook) if params.recorded else ()))
    ]
    what = "drop by default, counted and logged" if params.recorded else "drop by default, no rule without a condition"
    return conclude(f"nft {TABLE}", f"{words(params.hooks)}: {what}", faults, f"{words(params.hooks)} as expected")


def _open(facts: Facts, hook: str) -> list[str]:
    base = chain(facts, hook)
    if base is None:
        return [f"no {hook} chain is loaded"]
    loose = [rule for rule in rules(facts, hook) if accepts(rule) and not list(matches(rule))]
    faults = [f"{hook} has policy {base.get('policy')}"] if base.get("policy") != "drop" else []
    return [*faults, *(f"{hook} accepts without a condition" for _ in loose)]


def _silent(facts: Facts, hook: str) -> list[str]:
    """The last rules that every remaining packet meets: conditions there would let some go unseen."""
    unconditional = [rule for rule in rules(facts, hook) if not list(matches(rule))]
    seen = {key for rule in unconditional for expression in rule for key in expression}
    return [f"{hook} denies without a {name}" for name in ("counter", "log") if name not in seen]

"""Only declared ports listen on an address that others can reach."""

from __future__ import annotations

from ipaddress import ip_address

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation


class Params(Model):
    """`declared` is the fact that lists the ports."""

    declared: str


def judge(facts: Facts, params: Params) -> Observation:
    allowed = set(look_up(facts, params.declared))
    reachable = [s for s in look_up(facts, "sockets") if not ip_address(s["address"]).is_loopback]
    faults = [f"{s['protocol']} {s['address']} port {s['port']}" for s in reachable if s["port"] not in allowed]
    return conclude(
        "/proc/net",
        f"ports {words(sorted(allowed))} only",
        faults,
        f"ports {words(sorted({s['port'] for s in reachable}))}",
    )

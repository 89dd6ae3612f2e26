"""A port can be reached from declared addresses only, whichever rule would let a packet in."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from model.types import Model, Port
from policies.kinds.common import conclude, look_up, words
from policies.kinds.nftables import TABLE, Expression, accepts, chain, matches, network, rules, values
from policies.types import Facts, Needs, Observation

#: A packet of these protocols cannot open a TCP connection.
OTHER_PROTOCOLS = ("icmp.", "icmpv6.", "udp.")


class Params(Model):
    """`sources` is the fact that lists the addresses."""

    port: Port
    sources: str


def needs(params: Params) -> Needs:
    del params
    return Needs(tables=(TABLE,))


def judge(facts: Facts, params: Params) -> Observation:
    allowed = [str(ip_network(text)) for text in look_up(facts, params.sources)]
    base = chain(facts, "input")
    admitting = [rule for rule in rules(facts, "input") if accepts(rule) and admits(rule, params.port)]
    faults = [] if base and base.get("policy") == "drop" else ["input does not drop by default"]
    faults += [] if admitting else [f"no rule admits port {params.port}"]
    for rule in admitting:
        sources = [
            str(ip_network(network(v)))
            for what, op, right in matches(rule)
            if (what, op) == ("ip.saddr", "==")
            for v in values(right)
        ]
        extra = [source for source in sources if source not in allowed]
        faults += [f"port {params.port} is open to {words(extra) or 'everybody'}"] if extra or not sources else []
    return conclude(
        f"nft {TABLE}", f"port {params.port} from {words(allowed)} only", faults, f"from {words(allowed)} only"
    )


def admits(rule: Sequence[Expression], port: int) -> bool:
    """Whether a new TCP connection to `port` from outside the machine could match."""
    for what, op, right in matches(rule):
        if what == "tcp.dport" and op == "==" and not any(_covers(value, port) for value in values(right)):
            return False
        if what.startswith(OTHER_PROTOCOLS):
            return False
        if what == "ct.state" and "new" not in values(right):
            return False
        if what in ("meta.iif", "meta.iifname") and right == "lo":
            return False
    return True


def _covers(value: object, port: int) -> bool:
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return bool(low <= port <= high)
    return value == port

"""Read nftables' JSON of the baseline's table: chains, rules, and which rules could let a packet through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.kinds.common import look_up
from policies.types import Facts, Unobservable

TABLE = "inet yrd"
Expression = Mapping[str, Any]


def objects(facts: Facts, kind: str) -> list[Mapping[str, Any]]:
    """Every `chain`, `rule` ... of the table. Raises Unobservable when the tables could not be listed at all."""
    tables = look_up(facts, "tables")
    if TABLE not in tables:
        raise Unobservable(f"table {TABLE} was not asked for")
    return [item[kind] for item in (tables[TABLE] or {"rules": []})["rules"] if kind in item]


def chain(facts: Facts, hook: str) -> Mapping[str, Any] | None:
    """The base chain of a hook; None when it, or the whole table, is not loaded."""
    return next((item for item in objects(facts, "chain") if item.get("hook") == hook), None)


def rules(facts: Facts, hook: str) -> list[Sequence[Expression]]:
    """Expressions of each rule of a hook's base chain, in order."""
    base = chain(facts, hook)
    return [item["expr"] for item in objects(facts, "rule") if base is not None and item["chain"] == base["name"]]


def accepts(rule: Sequence[Expression]) -> bool:
    """Whether a rule can end in acceptance; what another chain would say counts as yes."""
    return any(key in expression for expression in rule for key in ("accept", "jump", "goto", "vmap"))


def matches(rule: Sequence[Expression]) -> Iterator[tuple[str, str, Any]]:
    """(what, operator, value) of each match: `tcp.dport`, `ip.saddr`, `meta.iifname`, `ct.state` ..."""
    for expression in rule:
        if "match" in expression:
            match = expression["match"]
            yield _name(match["left"]), match["op"], match["right"]


def values(right: Any) -> list[Any]:
    """Elements of the right side, sets spread out; a range stays as it is."""
    if isinstance(right, Mapping) and "set" in right:
        return list(right["set"])
    return list(right) if isinstance(right, list) else [right]


def network(value: Any) -> str:
    """`10.0.0.2` or `10.0.0.0/24`, whatever form nftables chose."""
    return (
        f"{value['prefix']['addr']}/{value['prefix']['len']}"
        if isinstance(value, Mapping) and "prefix" in value
        else str(value)
    )


def _name(left: Mapping[str, Any]) -> str:
    for kind, body in left.items():
        if kind == "payload" and "protocol" in body:
            return f"{body['protocol']}.{body['field']}"
        if isinstance(body, Mapping) and "key" in body:
            return f"{kind}.{body['key']}"
        return str(kind)
    return ""

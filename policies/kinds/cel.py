"""A predicate over the cluster's objects, written as admission policies write it (D16).

`object` is the object under test; each collected kind is a list of the same name.
"""

from __future__ import annotations

from functools import cache

from cel_expr_python import cel  # type: ignore[import-untyped]
from cel_expr_python.ext.ext_optional import ExtOptional  # type: ignore[import-untyped]
from cel_expr_python.ext.ext_strings import ExtStrings  # type: ignore[import-untyped]
from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation

KINDS = ("namespaces", "networkpolicies", "peerauthentications", "authorizationpolicies")


class Params(Model):
    """`at_least` objects must match `when`, so that an empty list is no pass."""

    each: str = Field(pattern="^(" + "|".join(KINDS) + ")$")
    when: str = "true"
    expression: str
    at_least: int = Field(ge=1)
    expected: str = Field(description="the predicate in words")


def judge(facts: Facts, params: Params) -> Observation:
    lists = {kind: look_up(facts, kind) for kind in KINDS}
    judged = [item for item in lists[params.each] if holds(params.when, {**lists, "object": item})]
    faults = [_name(item) for item in judged if not holds(params.expression, {**lists, "object": item})]
    missing = (
        [] if len(judged) >= params.at_least else [f"{len(judged)} {params.each} to judge, {params.at_least} expected"]
    )
    return conclude(
        "Kubernetes API",
        params.expected,
        [*missing, *(f"not so: {name}" for name in faults)],
        words(_name(i) for i in judged),
    )


def holds(expression: str, data: dict[str, object]) -> bool:
    """Value of a predicate. Raises RuntimeError for one that does not compile or does not yield a truth value."""
    value = compiled(expression).eval(data=data).value()
    if not isinstance(value, bool):
        raise RuntimeError(f"{expression!r} yields {value!r}, no truth value")
    return value


@cache
def compiled(expression: str) -> cel.Expression:
    variables = dict.fromkeys((*KINDS, "object"), cel.Type.DYN)
    return cel.NewEnv(variables=variables, extensions=[ExtOptional(), ExtStrings()]).compile(expression)


def _name(item: dict[str, dict[str, str]]) -> str:
    metadata = item["metadata"]
    return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)

"""What kinds of checks share: reach into facts, and turn faults into one observation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policies.types import Facts, Observation, Unobservable, Verdict


def look_up(facts: Facts, path: str) -> Any:
    """`pam.faillock` -> facts["pam"]["faillock"]; names with dots are tried whole first.

    Raises Unobservable when it is not there or could not be collected.
    """
    node: Any = facts
    rest = path
    while rest:
        if not isinstance(node, Mapping):
            raise Unobservable(f"{path} is not among the facts")
        if rest in node:
            name, rest = rest, ""
        else:
            name, _, rest = rest.partition(".")
        if name not in node:
            raise Unobservable(f"{path} is not among the facts")
        node = node[name]
        if isinstance(node, Mapping) and set(node) == {"error"}:
            raise Unobservable(f"{name}: {node['error']}")
    return node


def conclude(source: str, expected: str, faults: Sequence[str], observed: str) -> Observation:
    """Fail with what is wrong, else pass with what was seen."""
    verdict = Verdict.FAIL if faults else Verdict.PASS
    return Observation(expected, "; ".join(faults) if faults else observed, source, verdict)


def words(values: Iterable[object]) -> str:
    """`a, b, c` for people, at most twenty of them."""
    shown = [str(value) for value in values]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


def settings(section: Any) -> dict[str, str | None]:
    """A section as name to value: a mapping as it is, lines as `name = value`, `name value` or a bare name."""
    if isinstance(section, Mapping):
        return {str(key): None if value is None else str(value) for key, value in section.items()}
    pairs = [line.replace("=", " ", 1).split(maxsplit=1) for line in section]
    return {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs if pair}

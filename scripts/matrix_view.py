"""The matrix as text: operations down, the roles of the province itself across, everybody else in one column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model.identity import EXCHANGE, ROLES
from model.matrix import Cell, Way

#: Allowed, refused, no answer; two that differ in one place show as the second and an exclamation mark.
_SIGNS = {True: "yes", False: "-", None: "?"}
_SHORT = {role: role.removesuffix("-administrator") for role in (*ROLES, EXCHANGE)}
_OTHERS = "others"


def lines(cells: Sequence[Cell], observed: Mapping[Cell, bool | None]) -> list[str]:
    """One table per province. `!` marks what is not as the model says."""
    found: list[str] = []
    for target in dict.fromkeys(cell.target for cell in cells):
        heads = "".join(f"{name:>10}" for name in (*_SHORT.values(), _OTHERS))
        found += ["", f"{target:<52}{heads}"]
        mine = [cell for cell in cells if cell.target == target]
        for operation in dict.fromkeys((c.operation.backend, c.operation.name) for c in mine):
            row = [c for c in mine if (c.operation.backend, c.operation.name) == operation]
            home = {c.subject.role: c for c in row if c.subject.way is Way.HOME}
            others = [c for c in row if c.subject.way is not Way.HOME]
            marks = [_mark([home[r]] if r in home else [], observed) for r in _SHORT] + [_mark(others, observed)]
            found.append(f"{operation[0]:<16}{operation[1]:<36}" + "".join(f"{mark:>10}" for mark in marks))
    return found


def _mark(cells: Sequence[Cell], observed: Mapping[Cell, bool | None]) -> str:
    wrong = next((c for c in cells if observed[c] != c.allowed), None)
    shown = wrong or (cells[0] if cells else None)
    return f"{_SIGNS[observed[shown]]}{'!' if wrong else ''}" if shown else ""

"""What every verb begins with: the validated world, the plan of one environment, the chosen units."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from model import names
from model.derive import Plan, Site, derive
from model.errors import BadInputError
from model.load import find_root, load
from stacks.program import REGION

Environment = Annotated[
    str, typer.Option("--environment", "-e", envvar="YRD_ENVIRONMENT", help="Environment of region/environments/.")
]
Provinces = Annotated[
    list[str] | None, typer.Option("--province", "-p", help="Only this province (or `region`); may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def plan(environment: str) -> Plan:
    """Raises BadInputError for a faulty region, or an environment that it does not have (E185)."""
    now = datetime.now(UTC)
    world = load(find_root(), now)
    known = [e.name for e in world.environments]
    if environment not in known:
        raise BadInputError(
            "E185",
            f"没有环境 {environment}",
            f"there is no environment {environment}",
            f"可用：{', '.join(known)}",
            f"one of: {', '.join(known)}",
        )
    return derive(world, environment, now)


def stacks(target: Plan, provinces: Sequence[str] | None) -> list[str]:
    """Stacks of the chosen units, the region's first. Raises BadInputError E186 for a name that is not a member."""
    members = target.world.region.members
    unknown = [p for p in provinces or () if p not in (*members, REGION)]
    if unknown:
        raise BadInputError(
            "E186",
            f"没有省 {', '.join(unknown)}",
            f"no such province: {', '.join(unknown)}",
            f"可用：{', '.join(members)}",
            f"one of: {', '.join((*members, REGION))}",
        )
    chosen = provinces or (REGION, *members)
    return [names.stack(target.environment.name, unit) for unit in (REGION, *members) if unit in chosen]


def sites(target: Plan, provinces: Sequence[str] | None) -> list[str]:
    """Names of the chosen sites; `region` is the hub, as everywhere. Raises BadInputError E186."""
    stacks(target, provinces)
    chosen = {target.hub.name if p == REGION else p for p in provinces or ()}
    return [s.name for s in target.sites if not chosen or s.name in chosen]


def site_plans(target: Plan, provinces: Sequence[str] | None) -> list[Site]:
    """The chosen sites themselves. Raises BadInputError E186."""
    chosen = sites(target, provinces)
    return [s for s in target.sites if s.name in chosen]


def require_root() -> None:
    """Local machines need root. Raises BadInputError E187."""
    if os.geteuid() != 0:
        raise BadInputError(
            "E187",
            "本机环境需要 root 权限",
            "a local environment needs root",
            "以 root 运行，或使用 machines: ssh 的环境",
            "run as root, or use an environment with `machines: ssh`",
        )

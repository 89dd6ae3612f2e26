"""The Pulumi program of one stack: what `pulumi` runs through `__main__.py` and what our driver runs inline."""

from __future__ import annotations

from datetime import UTC, datetime

from model.derive import derive
from model.errors import BadInputError
from model.load import find_root, load
from stacks.layers.province import province
from stacks.layers.region import region

#: Name of the stack that holds what the provinces share.
REGION = "region"


def run(stack: str) -> None:
    """Declare the stack `<environment>.<unit>`. Raises BadInputError for a name that the model does not have (E180)."""
    environment, _, unit = stack.partition(".")
    now = datetime.now(UTC)
    world = load(find_root(), now)
    if environment not in {e.name for e in world.environments} or unit not in {REGION, *world.region.members}:
        known = ", ".join(f"{e.name}.{u}" for e in world.environments for u in (REGION, *world.region.members))
        raise BadInputError(
            "E180", f"模型中没有栈 {stack}", f"the model has no stack {stack}", f"可用：{known}", f"one of: {known}"
        )
    plan = derive(world, environment, now)
    if unit == REGION:
        region(plan)
    else:
        province(plan, plan.province(unit))

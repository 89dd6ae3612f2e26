"""Mount options of file systems that everybody may write to."""

from __future__ import annotations

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation


class Params(Model):
    paths: tuple[str, ...] = Field(min_length=1)
    options: tuple[str, ...] = Field(min_length=1)


def judge(facts: Facts, params: Params) -> Observation:
    # What was mounted last over a path is what counts.
    live = {mount["path"]: set(mount["options"]) for mount in look_up(facts, "mounts")}
    faults = [f"{path} is no file system of its own" for path in params.paths if path not in live]
    lacking = {path: set(params.options) - live[path] for path in params.paths if path in live}
    faults += [f"{path} lacks {words(sorted(options))}" for path, options in lacking.items() if options]
    return conclude(
        "mounts", f"{words(params.paths)} with {words(params.options)}", faults, f"{len(params.paths)} as expected"
    )

"""Owner, group and widest mode of files. A file that need not exist is no fault; one that must is."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up
from policies.types import Facts, Needs, Observation


class Limit(Model):
    """`mode` is the widest: a file may have fewer bits, never others."""

    mode: str = Field(pattern=r"^0[0-7]{3}$")
    owner: str = "root"
    group: str = "root"


class Params(Model):
    """Patterns of shell type over paths; the first one that fits a path decides."""

    section: str = "files"
    paths: dict[str, Limit] = Field(min_length=1)
    must_exist: tuple[str, ...] = Field(min_length=1, description="else the check could look at nothing and pass")


def needs(params: Params) -> Needs:
    """The collector knows paths and whole folders; a pattern within a folder asks for the folder."""
    if params.section != "files":
        return Needs()
    return Needs(files=tuple(f"{path.rpartition('/')[0]}/*" if "*" in path else path for path in params.paths))


def judge(facts: Facts, params: Params) -> Observation:
    live = {path: entry for path, entry in look_up(facts, params.section).items() if entry}
    missing = [f"{path} is absent" for path in params.must_exist if path not in live]
    judged = [(path, limit) for path in sorted(live) for limit in [_limit(path, params)] if limit]
    wrong = [text for path, limit in judged for text in [_fault(path, live[path], limit)] if text]
    return conclude(params.section, _expected(params), [*missing, *wrong], f"{len(judged)} paths as expected")


def _limit(path: str, params: Params) -> Limit | None:
    return next((limit for pattern, limit in params.paths.items() if fnmatchcase(path, pattern)), None)


def _fault(path: str, entry: dict[str, str], limit: Limit) -> str:
    if entry["kind"] == "link":
        return ""  # a link's own mode means nothing
    wide = int(entry["mode"], 8) & ~int(limit.mode, 8)
    same = (entry["owner"], entry["group"]) == (limit.owner, limit.group)
    return f"{path} {entry['mode']} {entry['owner']}:{entry['group']}" if wide or not same else ""


def _expected(params: Params) -> str:
    return "; ".join(f"{path} {limit.mode} {limit.owner}:{limit.group}" for path, limit in params.paths.items())

"""Without a credential, the API server answers health checks and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.kinds.flags import flags
from policies.types import Facts, Observation, Unobservable


class Params(Model):
    paths: tuple[str, ...] = Field(min_length=1, description="what may be asked without a credential")


def judge(facts: Facts, params: Params) -> Observation:
    processes = look_up(facts, "kubernetes.processes")
    if "kube-apiserver" not in processes:
        raise Unobservable("kube-apiserver does not run")
    live = flags(processes["kube-apiserver"])
    expected = f"anonymous off, or for {words(params.paths)} only"
    if live.get("anonymous-auth") == "false":
        return conclude("process arguments", expected, [], "--anonymous-auth = false")
    if not live.get("authentication-config"):
        return conclude(
            "process arguments", expected, [f"--anonymous-auth = {live.get('anonymous-auth', 'not given')}"], ""
        )
    return _configured(look_up(facts, "kubernetes.authentication"), params, expected)


def _configured(file: Mapping[str, Any], params: Params, expected: str) -> Observation:
    setting = file.get("anonymous")
    if setting is None:
        return conclude("authentication configuration", expected, ["anonymous is not mentioned, so it is on"], "")
    if not setting.get("enabled", False):
        return conclude("authentication configuration", expected, [], "anonymous is off")
    open_paths = [condition.get("path", "") for condition in setting.get("conditions") or []]
    extra = [path for path in open_paths if path not in params.paths]
    faults = [f"anonymous may ask {words(extra)}"] if extra else []
    faults += [] if open_paths else ["anonymous is on without conditions"]
    return conclude("authentication configuration", expected, faults, f"anonymous for {words(open_paths)}")

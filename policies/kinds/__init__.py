"""Kinds of checks, each a module: `Params`, pure `judge(facts, params)` and, if the collector must be told, `needs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from model.types import Model
from policies.kinds import (
    accounts,
    anonymous,
    cel,
    clock,
    encryption,
    file_modes,
    firewall_policy,
    firewall_source,
    flags,
    lines,
    mounts,
    openbao,
    packages,
    settings,
    sockets,
    static_admission,
    units,
)
from policies.types import Facts, Needs, Observation


@dataclass(frozen=True)
class Kind:
    """One kind as the catalogue and the judge use it. The parameters were parsed by `params` of the same kind."""

    params: type[Model]
    judge: Callable[[Facts, Any], Observation]
    needs: Callable[[Any], Needs]


def _nothing(params: Model) -> Needs:
    del params
    return Needs()


def _kind(module: ModuleType) -> Kind:
    return Kind(module.Params, module.judge, getattr(module, "needs", _nothing))


MODULES = (
    accounts,
    anonymous,
    cel,
    clock,
    encryption,
    file_modes,
    firewall_policy,
    firewall_source,
    flags,
    lines,
    mounts,
    openbao,
    packages,
    settings,
    sockets,
    static_admission,
    units,
)

KINDS: dict[str, Kind] = {module.__name__.rpartition(".")[2]: _kind(module) for module in MODULES}

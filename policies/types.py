"""Words of an audit: what a rule is, what a check observes, what a verdict means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from model.types import Model, Text

#: Sections of facts by name; a section that could not be looked at is `{"error": text}`.
Facts = Mapping[str, Any]


class Verdict(StrEnum):
    """`error` means that nobody could tell; it is neither a pass nor a failure."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    ERROR = "error"
    MANUAL = "manual"
    NOT_APPLICABLE = "not_applicable"


class Scope(StrEnum):
    """What a rule is judged on."""

    HOST = "host"
    CONTROL_PLANE = "control-plane"
    CLUSTER = "cluster"
    OPENBAO = "openbao"


@dataclass(frozen=True)
class Observation:
    """What one check saw. `expected` and `observed` are one line each, for people."""

    expected: str
    observed: str
    source: str
    verdict: Verdict


@dataclass(frozen=True)
class Needs:
    """What a check wants to know that the collector does not tell unasked (same shape as `stacks.roles.Managed`)."""

    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A thing that is judged; `province` is the site, `hub` for the hub."""

    name: str
    province: str
    scopes: frozenset[Scope] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Result:
    """One rule on one target."""

    control: str
    target: str
    province: str
    verdict: Verdict
    expected: str
    observed: str
    source: str
    at: datetime


class Unobservable(Exception):  # noqa: N818 - says what is the case, like StopIteration
    """A fact that a check needs is not there; the verdict is `error`."""


class Clause(Model):
    """A clause of GB/T 22239; `verified` is true only after the number was read in the published standard."""

    clause: str = Field(pattern=r"^\d+(\.\d+)*$")
    topic: str
    verified: bool


class References(Model):
    """Numbers only, never a standard's text."""

    gbt22239: Clause
    cis_debian12: tuple[str, ...] = ()
    cis_k8s: tuple[str, ...] = ()
    nsa: tuple[str, ...] = ()


class Enforcement(Model):
    """Where the rule is made true, so that a failure leads to the file to mend."""

    by: Literal["role", "kubeadm", "chart", "openbao", "host"]
    where: str


class Check(Model):
    """A kind of check and its parameters; the kind knows what they may be."""

    kind: str
    params: dict[str, Any] = Field(default_factory=dict)


class RuleFile(Model):
    """`policies/rules/<rule_id>/rule.yaml`."""

    title: Text
    rationale: Text
    severity: Literal["low", "medium", "high"]
    layer: Literal["host", "kubernetes", "mesh", "openbao"]
    control: str = Field(pattern=r"^(CN|RB|CE|MC|CL)-\d\d$", description="row of the control catalogue")
    scope: Scope
    shared_kernel: bool = Field(
        default=False, description="a setting of the whole kernel: not applicable in a container"
    )
    references: References
    enforcement: Enforcement
    check: Check
    mutations: tuple[str, ...] = Field(min_length=1, description="commands that break it on a machine nobody needs")


@dataclass(frozen=True)
class Rule:
    """A rule with its id (the folder's name) and its parsed parameters."""

    id: str
    file: RuleFile
    params: Model

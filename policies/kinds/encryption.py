"""Secrets reach etcd encrypted by a key that the cluster does not hold (KMS v2)."""

from __future__ import annotations

from pydantic import Field

from model.types import Model
from policies.kinds.common import conclude, look_up, words
from policies.types import Facts, Observation


class Params(Model):
    first: str = Field(description="provider that writes; `identity` in this place would write plain text")


def judge(facts: Facts, params: Params) -> Observation:
    live = look_up(facts, "kubernetes.encryption")
    providers: list[str] = live["providers"]
    faults = [] if providers and providers[0] == params.first else [f"providers: {words(providers) or 'none'}"]
    faults += [] if live["secrets"] else ["secrets are not among the resources"]
    faults += [] if params.first != "kms" or live["kms_v2"] else ["not KMS v2"]
    return conclude(
        "encryption configuration", f"{params.first} first, for secrets", faults, f"providers: {words(providers)}"
    )

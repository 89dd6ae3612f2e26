"""Role name to module: explicit, so that a reader finds every role and an unknown name fails at once."""

from __future__ import annotations

from importlib import import_module
from typing import Any

PROVINCE_FIRST = ("baseline", "openbao")
PROVINCE_SECOND = ("certs", "custody", "container_runtime", "kubernetes")
PROVINCE_LAST = ("exporter",)
HUB_FIRST = ("baseline", "openbao")
HUB_SECOND = ("certs", "hub", "login")
#: Where a Keycloak runs: on the hub, and in each province with `placement: province`.
IDENTITY = ("identity",)


def module(role: str) -> Any:
    """The module of `stacks/roles/` that answers for a role."""
    return import_module(f"stacks.roles.{role}")

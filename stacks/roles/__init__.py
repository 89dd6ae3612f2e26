"""What each Ansible role needs to know and what it is answerable for; one module per role, named after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from model.derive import MachinePlan, Plan, Site


@dataclass(frozen=True)
class Managed:
    """What a role leaves on a machine. Its digests are compared with the live ones at every look (D14)."""

    files: tuple[str, ...] = ()
    """Absolute paths; a trailing `/*` means every regular file directly in that folder, so that an added file is seen too.

    `path@mode`, `path@logins` and `path@mount` watch one aspect of a path whose content is not of this role alone.
    """
    units: tuple[str, ...] = ()
    """systemd units that must be active and enabled."""
    sysctls: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    """nftables tables, as `inet yrd`."""


class RoleModule(Protocol):
    """Interface of `stacks/roles/<role>.py`."""

    def variables(self, plan: Plan, site: Site, machine: MachinePlan) -> dict[str, object]:
        """Ansible variables, all prefixed by the role's name; no secret among them (D15)."""
        ...

    def managed(self, plan: Plan, site: Site, machine: MachinePlan) -> Managed: ...

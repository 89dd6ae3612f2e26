"""Who keeps what so that a site's OpenBao opens again: shares of its unseal key, snapshots of its data. Pure.

Every province keeps one share of every other site; three officers of the site hold one each; any two shares open. The
scheme and who can do what with which pieces: docs/adr/0005-custody.md.
"""

from __future__ import annotations

from model.derive import Plan, ProvincePlan, Site

#: Shares that open (Shamir 1979), and those held by people. One neighbour may be away, and one alone opens nothing.
THRESHOLD, OFFICERS = 2, 3


def keepers(plan: Plan, site: Site) -> tuple[ProvincePlan, ...]:
    """The provinces that hold a share of `site`; the hub holds nobody's (D13)."""
    return tuple(p for p in plan.provinces if p.name != site.name)


def wards(plan: Plan, province: ProvincePlan) -> tuple[Site, ...]:
    """The sites of which `province` holds a share."""
    return tuple(s for s in plan.sites if s.name != province.name)

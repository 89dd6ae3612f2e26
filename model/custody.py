"""Who keeps what so that a site's OpenBao opens again: shares of its unseal key, snapshots of its data. Pure.

Every province keeps two shares of every other site, five officers of the site hold one each, any three shares open: two
neighbours do, or three officers, or a neighbour and an officer. Why, and who can do what: docs/adr/0005-custody.md.
"""

from __future__ import annotations

from model.derive import Plan, ProvincePlan, Site

#: Shares that open (Shamir 1979), those of each neighbour, and those held by people.
THRESHOLD, EACH, OFFICERS = 3, 2, 5
#: Neighbours that open a store without people: one may be away, and one alone opens nothing.
HELPERS = -(-THRESHOLD // EACH)


def keepers(plan: Plan, site: Site) -> tuple[ProvincePlan, ...]:
    """The provinces that hold a share of `site`; the hub holds nobody's (D13)."""
    return tuple(p for p in plan.provinces if p.name != site.name)


def wards(plan: Plan, province: ProvincePlan) -> tuple[Site, ...]:
    """The sites of which `province` holds a share."""
    return tuple(s for s in plan.sites if s.name != province.name)

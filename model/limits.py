"""Settings that our code acts on, and how far the region itself may go: the floor beneath the region's floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from model.pki import LEAF_HOURS


@dataclass(frozen=True)
class Limit:
    """`loosest` comes from `source`; `strictest` is where the setting would lock its own users out."""

    name: str
    unit: str
    tighter: Literal["lower", "higher"]
    loosest: int
    strictest: int
    source: str

    def looser(self, value: int, than: int) -> bool:
        """Whether `value` is on the wrong side of `than`."""
        return value > than if self.tighter == "lower" else value < than


LIMITS: dict[str, Limit] = {
    limit.name: limit
    for limit in (
        Limit("mesh-leaf-hours", "hours", "lower", loosest=24, strictest=1, source="CE-58"),
        # The machine's timer runs once a day and renews in the last third: three days leave it one chance.
        Limit("gateway-certificate-days", "days", "lower", loosest=LEAF_HOURS // 24, strictest=3, source="CE-58"),
        Limit("password-minimum-length", "characters", "higher", loosest=14, strictest=64, source="CE-02"),
    )
}

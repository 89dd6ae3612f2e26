"""Wait for a condition, bounded; never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from model.errors import UnreachableError

T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], *, seconds: float, every: float = 0.5, fix: str = "") -> T:
    """First value of `look` that is neither None nor False. Raises UnreachableError E194 naming `what` when time is up."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() >= end:
            raise UnreachableError(
                "E194", f"等待超时（{seconds:.0f} 秒）：{what}", f"waited {seconds:.0f} s for {what}", fix, fix
            )
        time.sleep(every)

"""Whether OpenBao holds what was written: its answers say the same thing in other words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network


def differences(want: Mapping[str, object], live: Mapping[str, object]) -> tuple[str, ...]:
    """Names of the fields of `want` that are otherwise in `live`; order in lists does not matter."""
    return tuple(name for name, value in want.items() if _plain(value) != _plain(live.get(name)))


def _plain(value: object) -> object:
    """OpenBao answers null for an empty list, `127.0.0.1` for `127.0.0.1/32`, and trims texts."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(sorted(_network(str(item)) for item in value))
    if isinstance(value, Mapping):
        return tuple(sorted((str(name), _plain(inner)) for name, inner in value.items() if inner))
    return value.strip() if isinstance(value, str) else value


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        return text

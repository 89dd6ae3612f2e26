"""A look tells drift and keeps what the last run left; an update runs the roles whose results are not that any more."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.providers import roles

LEFT = {"baseline": {"file:/etc/a": "1"}, "openbao": {"file:/etc/b": "1"}}
LIVE = {"baseline": {"file:/etc/a": "2"}, "openbao": {"file:/etc/b": "1"}}
PROPS: dict[str, Any] = {
    "environment": "test",
    "machine": "m",
    "order": ["baseline", "openbao"],
    "roles": {"baseline": {"content": "x"}, "openbao": {"content": "y"}},
    "live": LEFT,
}


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "_digests", lambda _: LIVE)


def test_a_look_does_not_make_drift_the_norm() -> None:
    """Seen on 2026-11-24: the state took the look's digests, so a broken setting was told once and never mended."""
    found = roles.RolesProvider().read("id", PROPS)
    assert found.outs["drift"] == ["baseline: file:/etc/a changed"]
    assert found.outs["live"] == LEFT
    again = roles.RolesProvider().read("id", found.outs)
    assert again.outs["drift"] == found.outs["drift"]
    assert roles.RolesProvider().diff("id", found.outs, PROPS).changes


def test_only_the_role_with_drift_runs() -> None:
    after_the_look = roles.RolesProvider().read("id", PROPS).outs
    assert roles._needed(PROPS, after_the_look) == ["baseline"]
    assert roles._needed(PROPS, None) == ["baseline", "openbao"]

"""A small region of two provinces, so that these tests need none of the real one's files."""

from __future__ import annotations

from datetime import UTC, datetime

from model.derive import Plan, derive
from model.types import World

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def text(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def province(name: str, code: str, segment: int, machines: int = 1) -> dict[str, object]:
    listed = [
        {"name": f"{name}-{n}", "host": 10 + n, "role": "worker" if n > 1 else "control-plane"}
        for n in range(1, machines + 1)
    ]
    ranges = {"segment": segment, "pods": f"10.{100 + segment}.0.0/16", "services": f"10.{150 + segment}.0.0/16"}
    return {"name": name, "title": text(name), "code": code, "addresses": ranges, "machines": listed}


def plan(machines: int = 1) -> Plan:
    """Shanghai with as many machines as asked for, Anhui with one, and the hub."""
    world = World.model_validate(
        {
            "region": {
                "name": "test",
                "title": {"zh": "测试云", "en": "Test cloud"},
                "domain": "yrd",
                "members": ["shanghai", "anhui"],
                "versions": {"kubernetes": "1.37.2"},
                "ports": {
                    **{"exchange": 30443, "public": 30444, "metrics": 9443, "custody": 8444},
                    **{"registry": 5000, "prometheus": 9090, "portal": 8443, "identity": 8445},
                },
                "hub": {"segment": 1, "machine": {"name": "hub-1", "host": 11, "role": "hub"}},
                "settings": [
                    {
                        "name": "password-minimum-length",
                        "title": text("length"),
                        "value": 14,
                        "tighter": "higher",
                        "unit": "characters",
                    }
                ],
            },
            "provinces": [province("shanghai", "310000", 31, machines), province("anhui", "340000", 34)],
            "environments": [
                {
                    "name": "test",
                    "title": text("test"),
                    "machines": "podman",
                    "network": "10.78.0.0/16",
                    "loopback": 19000,
                }
            ],
            "organs": [],
            "datasets": [],
            "agreements": [],
        }
    )
    return derive(world, "test", NOW)

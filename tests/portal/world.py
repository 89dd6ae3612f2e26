"""Samples as Prometheus gives them, for a region of four provinces and one agreement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.portal.source import Sample, Snapshot

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
TITLES = {
    "shanghai": ("上海市", "Shanghai"),
    "jiangsu": ("江苏省", "Jiangsu"),
    "zhejiang": ("浙江省", "Zhejiang"),
    "anhui": ("安徽省", "Anhui"),
}
AGREEMENT = {
    "agreement": "anhui-shanghai-population",
    "dataset": "population",
    "provider": "anhui",
    "consumer": "shanghai",
}
SETTINGS: dict[str, Any] = {
    "provinces": [{"name": name, "zh": zh, "en": en} for name, (zh, en) in TITLES.items()],
    "agreements": [AGREEMENT],
}


def province(name: str, **changed: float | None) -> list[Sample]:
    """A province in good order; `changed` replaces values by metric, None takes one away."""
    values: dict[str, tuple[dict[str, str], float]] = {
        "up": ({}, 1),
        "yrd_node_ready": ({"node": f"{name}-1"}, 1),
        "yrd_openbao_up": ({}, 1),
        "yrd_openbao_sealed": ({}, 0),
        "yrd_mesh_ready": ({}, 1),
        "yrd_workloads_ready": ({"namespace": "exchange"}, 2),
        "yrd_workloads_desired": ({"namespace": "exchange"}, 2),
        "yrd_certificate_not_after_timestamp_seconds": ({"name": "x"}, NOW.timestamp() + 90 * 86400),
        "yrd_machine_memory_working_set_bytes": ({}, 1.4e9),
        "yrd_audit_timestamp_seconds": ({}, NOW.timestamp() - 600),
    }
    if name == "anhui":
        values["yrd_agreement_in_force"] = (AGREEMENT, 1)
        values["yrd_agreement_enforced"] = ({"agreement": AGREEMENT["agreement"]}, 1)
    rows = [
        Sample(key, {**labels, "province": name}, float(changed.get(key, value) or 0.0))
        for key, (labels, value) in values.items()
        if changed.get(key, value) is not None
    ]
    counts = {"pass": 47, "fail": changed.get("fail", 0) or 0, "error": 0, "manual": 0, "not_applicable": 3}
    return rows + [Sample("yrd_audit_results", {"province": name, "verdict": v}, float(n)) for v, n in counts.items()]


def snapshot(**provinces: list[Sample]) -> Snapshot:
    """All four in good order, but for those given."""
    samples = [s for name in TITLES for s in provinces.get(name, province(name))]
    return Snapshot(tuple(samples), dict.fromkeys(TITLES, NOW.timestamp() - 300))

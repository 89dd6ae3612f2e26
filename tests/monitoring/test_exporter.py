"""Collectors on facts as the sources give them, and the executor with collectors that fail, hang and recover."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest

from model.errors import BadInputError
from monitoring import compile as alerts
from monitoring.executor import Collect, Executor
from monitoring.exporters.region import collectors

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "province": "anhui",
    "agreements": [
        {
            "agreement": "a", "policy": "agreement-a", "provider": "anhui", "consumer": "shanghai", "dataset": "population",
            "since": "2026-01-01T00:00:00+00:00", "until": "2027-01-01T00:00:00+00:00",
        }
    ],
}  # fmt: skip


def values(families: Any) -> dict[str, float]:
    """`name{label}` to number."""
    return {
        f"{s.name}{''.join(sorted(str(v) for v in s.labels.values()))}": s.value for f in families for s in f.samples
    }


@pytest.mark.parametrize(("live", "expected"), [(set(), 0.0), ({"agreement-a"}, 1.0), ({"agreement-b"}, 0.0)])
def test_an_agreement_is_enforced_only_by_its_own_policy(live: set[str], expected: float) -> None:
    found = values(collectors.agreements(SETTINGS, live, NOW))
    assert found["yrd_agreement_enforceda"] == expected
    assert found["yrd_agreement_in_forceaanhuipopulationshanghai"] == 1.0


def test_an_agreement_that_has_ended_is_not_in_force() -> None:
    found = values(collectors.agreements(SETTINGS, {"agreement-a"}, datetime(2027, 2, 1, tzinfo=UTC)))
    assert found["yrd_agreement_in_forceaanhuipopulationshanghai"] == 0.0


def test_a_silent_openbao_has_no_seal_to_tell() -> None:
    assert values(collectors.openbao(None)) == {"yrd_openbao_up": 0.0}
    assert values(collectors.openbao({"initialized": True, "sealed": True}))["yrd_openbao_sealed"] == 1.0


def test_something_else_than_istiod_is_not_read_as_no_rejections() -> None:
    with pytest.raises(ValueError, match="not istiod"):
        list(collectors.rejects("up 1\n"))
    text = 'pilot_xds{version="1"} 3\npilot_total_xds_rejects{type="cds"} 2\n'
    assert values(collectors.rejects(text)) == {"yrd_mesh_rejected_configurations": 2.0, "yrd_mesh_proxies": 3.0}


def test_the_mesh_is_ready_only_with_every_part() -> None:
    def deployment(name: str, ready: int) -> dict[str, Any]:
        return {
            "metadata": {"namespace": "m", "name": name},
            "spec": {"replicas": 1},
            "status": {"replicas": 1, "readyReplicas": ready},
        }

    mesh = [("m", "a"), ("m", "b")]
    assert values(collectors.workloads([deployment("a", 1), deployment("b", 1)], mesh))["yrd_mesh_ready"] == 1.0
    assert values(collectors.workloads([deployment("a", 1), deployment("b", 0)], mesh))["yrd_mesh_ready"] == 0.0
    assert values(collectors.workloads([deployment("a", 1)], mesh))["yrd_mesh_ready"] == 0.0


def test_memory_is_usage_less_inactive_file_pages() -> None:
    assert values(collectors.memory(1000, "cache 5\ntotal_inactive_file 400\n")) == {
        "yrd_machine_memory_working_set_bytes": 600.0
    }


def scrape(executor: Executor) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(executor)
    return generate_latest(registry).decode()


def test_a_failing_collector_takes_its_numbers_away_and_leaves_the_others() -> None:
    state = {"broken": False}

    def one() -> list[Metric]:
        if state["broken"]:
            raise OSError("gone")
        return [collectors.gauge("yrd_one", "One.", [((), 1.0)])]

    collect: dict[str, Collect] = {"one": one, "two": lambda: [collectors.gauge("yrd_two", "Two.", [((), 2.0)])]}
    said: list[str] = []
    executor = Executor(collect, 1, 5, said.append)
    executor.refresh()
    executor.wait()
    assert "yrd_one 1.0" in scrape(executor)
    state["broken"] = True
    executor.refresh()
    executor.wait()
    text = scrape(executor)
    assert "yrd_one 1.0" not in text
    assert "yrd_two 2.0" in text
    assert 'yrd_collector_success{collector="one"} 0.0' in text
    assert 'yrd_collector_last_success_timestamp_seconds{collector="one"} 0.0' not in text
    assert said == ["one: OSError: gone"]


def test_a_hanging_collector_counts_as_failed_and_is_not_started_again() -> None:
    release, starts = threading.Event(), []

    def hang() -> list[Metric]:
        starts.append(1)
        release.wait(10)
        return []

    executor = Executor({"hang": hang}, 1, 0.0, lambda _: None)
    executor.refresh()
    executor.refresh()
    assert 'yrd_collector_success{collector="hang"} 0.0' in scrape(executor)
    assert starts == [1]
    release.set()
    executor.wait()


def test_alerts_compile_and_an_alert_without_a_runbook_is_refused(tmp_path: Any) -> None:
    assert len(alerts.alerts()) >= 10
    (tmp_path / "alerts").mkdir()
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "alerts" / "x.yaml").write_text(
        "- {name: Bare, expr: up, for: 1m, severity: warning, summary: {zh: 无, en: none}}\n"
    )
    with pytest.raises(BadInputError, match="Bare"):
        alerts.alerts(tmp_path)

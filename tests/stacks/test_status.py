"""What counts as ready: nothing remembered from before, nothing half done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clients.memory import top
from stacks.status import MachineState, SiteState, complete, renewed

BOOT = datetime(2026, 12, 1, 8, 0, 0, 500_000, tzinfo=UTC)


def pod(started: str, *, ready: bool = True, phase: str = "Running") -> dict[str, Any]:
    state = {"running": {"startedAt": started}} if started else {"waiting": {}}
    return {"status": {"phase": phase, "containerStatuses": [{"state": state, "ready": ready}]}}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (pod("2026-12-01T07:59:59Z"), False),
        (pod("2026-12-01T08:00:00Z"), True),
        (pod("2026-12-01T08:00:09Z", ready=False), False),
        (pod(""), False),
        ({"status": {"phase": "Pending"}}, False),
        (pod("", phase="Succeeded"), True),
    ],
)
def test_a_pod_of_before_the_power_cut_does_not_count(item: dict[str, Any], expected: bool) -> None:
    """Seen on 2026-11-24: the API server's memory said ready, the container was not there yet."""
    assert renewed(item, BOOT) is expected


def test_a_workload_is_complete_only_in_the_version_that_was_asked_for() -> None:
    item: dict[str, Any] = {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 1}}
    assert not complete({**item, "status": {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1}})
    assert not complete({**item, "status": {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 0}})
    assert complete({**item, "status": {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1}})


@pytest.mark.parametrize(
    "change", [{"secrets": "sealed"}, {"mesh": "down"}, {"nodes_ready": 0}, {"waiting": ("a/b",)}, {"fault": "x"}]
)
def test_one_gap_is_enough_not_to_be_ready(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"secrets": "ready", "mesh": "ready", "nodes_ready": 1, "nodes_total": 1}
    machine = (MachineState("m", True, "10.0.0.1", 1),)
    assert SiteState("s", machine, **good).ready
    assert not SiteState("s", machine, **{**good, **change}).ready


def test_the_containers_own_cgroup_is_found_on_both_versions() -> None:
    one = ["9:memory:/libpod_parent/libpod-abc/init.scope", "0::/"]
    assert top(one, "abc") == ("memory", "/libpod_parent/libpod-abc")
    assert top(["0::/machine.slice/libpod-abc.scope/init.scope"], "abc") == ("", "/machine.slice/libpod-abc.scope")

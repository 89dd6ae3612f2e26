"""`yrd down` leaves nothing of its own, and touches nothing of another's."""

from __future__ import annotations

import subprocess
from pathlib import Path

from clients import network, podman, state
from model.derive import Plan
from tests.live import support
from tests.live.conftest import decoy


def leftovers(plan: Plan) -> dict[str, list[str]]:
    """Everything of the environment that this host still shows, by kind."""
    prefix, folder = f"yrd-{support.ENVIRONMENT}", str(state.environment(support.ENVIRONMENT))
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout.splitlines()
    segment = str(plan.environment.network.network_address).rsplit(".", 2)[0] + "."
    mounts = Path("/proc/mounts").read_text().splitlines()
    return {
        "containers": sorted(podman.containers(prefix)),
        "namespaces": sorted(network.namespaces(prefix)),
        "links": [link for link in network.links(None) if link == prefix or link.startswith(f"{prefix}-")],
        "routes": [line for line in routes if segment in line],
        "mounts": [line.split()[1] for line in mounts if folder in line or f"/run/netns/{prefix}-" in line],
        "processes": [line for line in support.processes().values() if f"{prefix}-" in line or f"{folder}/" in line],
        "files": [folder] if Path(folder).exists() else [],
    }


def test_down_leaves_nothing_and_touches_nobody(plan: Plan) -> None:
    before = decoy()
    assert before[0] == "running" and before[1] and before[2], before
    assert all(leftovers(plan)[kind] for kind in ("containers", "namespaces", "routes", "mounts", "files")), (
        "the look sees them"
    )
    support.yrd("down")
    assert {kind: left for kind, left in leftovers(plan).items() if left} == {}
    assert decoy() == before
    support.yrd("down")

"""`yrd up` is killed where it hurts most, three times; the next one goes on, and the last one ends in four ready provinces."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from clients import podman, wait
from tests.live import support


def _kill_when(what: str, sign: tuple[str, ...], log: Path) -> None:
    """Start `yrd up` and kill -9 its process as soon as a process with all these words is at work."""
    run = support.start("up", "-e", support.ENVIRONMENT, log=log)
    try:
        wait.until(
            what,
            lambda: (
                run.poll() is not None or any(all(s in line for s in sign) for line in support.processes().values())
            ),
            seconds=600,
            every=0.1,
        )
        assert run.poll() is None, f"`yrd up` ended before {what}:\n{log.read_text()[-3000:]}"
    finally:
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
        run.wait()
    support.workers_gone()


def test_killed_between_initialisation_and_the_storing_of_shares() -> None:
    dead = support.yrd("up", env={"YRD_FAILPOINT": "openbao-initialised"}, code=None)
    assert dead.code != 0
    assert podman.status(f"yrd-{support.ENVIRONMENT}-anhui-1") == "running"
    support.workers_gone()


def test_killed_during_kubeadm_init(logs: Path) -> None:
    _kill_when("kubeadm init", ("kubeadm", " init --config"), logs / "kubeadm")


def test_killed_during_the_release_of_istio(logs: Path) -> None:
    _kill_when("Helm to install istiod", ("helm", "--install mesh ", f"/{support.ENVIRONMENT}/"), logs / "istio")


def test_the_next_up_ends_in_four_ready_provinces() -> None:
    said = support.yrd("up", "--json", timeout=1500).json
    assert said["errors"] == {}
    assert said["audit"]["fail"] == said["audit"]["error"] == 0
    status = support.yrd("status", "--json").json
    assert status["ready"] is True
    assert [p["name"] for p in status["provinces"]] == list(support.plan().world.region.members)
    assert all(p["secrets"] == p["mesh"] == "ready" and p["ready"] for p in status["provinces"])
    assert 0 < status["memory_bytes"] <= 8 << 30


def test_the_second_up_changes_nothing() -> None:
    said = support.yrd("up", "--json").json
    changes = said["changes"]
    assert (changes["create"], changes["update"], changes["delete"]) == (0, 0, 0), said
    assert changes["same"] > 0
    assert said["ansible"]["changed"] == 0
    assert said["drift"] == []

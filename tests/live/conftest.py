"""The environment `test`, made once for all live tests and thrown away; `local` sleeps meanwhile, a decoy must not notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import network, podman
from model import names
from model.derive import Plan
from tests.live import support
from toolchain import facts as host_facts
from toolchain import host, rootfs

DECOY = "yrd-test2"  # begins with the same letters as `yrd-test`, and is another's


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs root and the machine for itself; in the order of the files' numbers."""
    reason = "" if os.geteuid() == 0 else "live tests need root"
    reason = reason or ("" if shutil.which("podman") else "live tests need podman")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def plan() -> Plan:
    return support.plan()


@pytest.fixture(scope="session", autouse=True)
def house() -> Iterator[None]:
    """`local` is stopped for the time of the tests and started again after.

    `YRD_LIVE_KEEP=1` leaves `test` as it is before and after, for work on one file: `YRD_LIVE_KEEP=1 pytest tests/live/test_30_boundaries.py`.
    """
    if os.environ.get("YRD_LIVE_KEEP"):
        yield
        return
    host.ensure("test", lambda what, step: print(f"{what}: {step}", file=sys.__stderr__), host_facts.there)
    sleeping = [c for c in podman.containers("yrd-local") if podman.status(c) == "running"]
    if sleeping:
        print(f"\nstopping {len(sleeping)} machines of `local` for the time of the tests", file=sys.__stderr__)
        support.yrd("stop", env={"YRD_ENVIRONMENT": "local"})
    try:
        support.yrd("down")
        _make_decoy()
        yield
    finally:
        support.yrd("down")
        _remove_decoy()
        if sleeping:
            print("\nstarting `local` again", file=sys.__stderr__)
            support.yrd("start", env={"YRD_ENVIRONMENT": "local"})


@pytest.fixture(scope="module")
def wire(plan: Plan) -> Iterator[None]:
    """A namespace of ours on Shanghai's own segment, as a stolen server in its room would be."""
    shanghai, router = plan.province("shanghai"), plan.backbone
    bridge = names.bridge(shanghai.segment.network_address.packed[2])

    def ip(*words: str, check: bool = True) -> None:
        subprocess.run(["ip", *words], check=check, capture_output=True)

    ip("netns", "delete", support.SPACE, check=False)
    ip("netns", "add", support.SPACE)
    ip("-n", router, "link", "add", support.PORT, "type", "veth", "peer", "name", "eth0", "netns", support.SPACE)
    ip("-n", router, "link", "set", support.PORT, "master", bridge, "up")
    ip("-n", support.SPACE, "addr", "add", f"{shanghai.segment[200]}/24", "dev", "eth0")
    ip("-n", support.SPACE, "link", "set", "eth0", "up")
    ip("-n", support.SPACE, "route", "add", "default", "via", str(shanghai.router))
    yield
    ip("netns", "delete", support.SPACE, check=False)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def decoy() -> tuple[str, bool, str]:
    """State of the decoy's container, whether its namespace is there, its route."""
    route = subprocess.run(["ip", "route", "show", "10.178.0.0/16"], capture_output=True, text=True, check=True).stdout
    return podman.status(f"{DECOY}-decoy-1"), f"{DECOY}-decoy-1" in network.namespaces(DECOY), route.strip()


def _make_decoy() -> None:
    _remove_decoy()
    limits = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=10000:10000")
    options = ("--name", f"{DECOY}-decoy-1", "--network", "none", "--systemd=false", *limits)
    root = f"{rootfs.machine_rootfs()}:O"
    subprocess.run(
        [*podman.PODMAN, "run", "-d", *options, "--rootfs", root, "/bin/sleep", "86400"],
        check=True,
        capture_output=True,
    )
    for line in (
        f"netns add {DECOY}-decoy-1",
        f"link add {DECOY} type veth peer name {DECOY}-end",
        f"link set {DECOY} up",
        f"route add 10.178.0.0/16 dev {DECOY}",
    ):
        subprocess.run(["ip", *line.split()], check=True)


def _remove_decoy() -> None:
    podman.remove(f"{DECOY}-decoy-1")
    for line in (f"netns delete {DECOY}-decoy-1", f"link delete {DECOY}"):
        subprocess.run(["ip", *line.split()], check=False, capture_output=True)

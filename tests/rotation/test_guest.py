"""A guest on a segment of ours: it reaches what is there, has the segment's address, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network

import pytest

from clients import network
from model import names
from model.derive import Plan, derive
from model.load import find_root, load

NAME = "guesttest"
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="namespaces need root")


def ip(*words: str, check: bool = True) -> str:
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True).stdout


@pytest.fixture
def plan() -> Iterator[Plan]:
    """An environment of its own name, of which only the router and one bridge are there."""
    now = datetime.now(UTC)
    world = load(find_root(), now)
    local = next(e for e in world.environments if e.name == "local")
    mine = local.model_copy(update={"name": NAME, "network": IPv4Network("10.99.0.0/16")})
    made = derive(world.model_copy(update={"environments": (mine,)}), NAME, now)
    site = made.province("shanghai")
    bridge = names.bridge(site.segment.network_address.packed[2])
    try:
        ip("netns", "add", made.backbone)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"no namespaces here: {refused}")
    ip("-n", made.backbone, "link", "add", bridge, "type", "bridge")
    ip("-n", made.backbone, "addr", "add", f"{site.router}/24", "dev", bridge)
    ip("-n", made.backbone, "link", "set", bridge, "up")
    yield made
    network.remove(names.prefix(NAME))


def reaches(space: str, host: str, port: int) -> bool:
    ask = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    done = subprocess.run(["ip", "netns", "exec", space, "python3", "-c", ask, host, str(port)], check=False)
    return done.returncode == 0


def test_a_guest_stands_on_the_segment_and_goes(plan: Plan) -> None:
    site = plan.province("shanghai")
    serve = "import socket; s=socket.create_server(('', 4443)); print('up', flush=True)\nwhile True: s.accept()"
    command = ["ip", "netns", "exec", plan.backbone, "python3", "-c", serve]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout and server.stdout.readline() == "up\n"
        try:
            for _ in range(2):  # the second finds nothing of the first in its way
                with network.guest(plan, site) as space:
                    assert str(site.segment[network.GUEST]) in ip("-n", space, "addr")
                    assert reaches(space, str(site.router), 4443)
                assert space not in network.namespaces(names.prefix(NAME))
            ip("netns", "add", space)  # as a killed run leaves it
            with network.guest(plan, site) as space:
                assert reaches(space, str(site.router), 4443)
        finally:
            server.kill()
    machines = {m.address for s in plan.sites for m in s.machines}
    assert all(s.segment[network.GUEST] not in {*machines, s.router} for s in plan.sites)


def test_where_machines_are_real_the_host_itself_asks(plan: Plan) -> None:
    real = replace(plan, environment=plan.environment.model_copy(update={"name": "elsewhere"}))
    with network.guest(real, plan.province("shanghai")) as space:
        assert space == ""

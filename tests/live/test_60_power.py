"""Every machine loses power at once; switching on is all that it takes."""

from __future__ import annotations

import time

from clients import podman
from model import custody
from model.derive import Plan
from tests.live import support

#: Seconds from switching on to every province ready.
SERVING = 360


def test_after_a_power_cut_a_start_is_enough(plan: Plan) -> None:
    ids = {m.name: support.inside(m.name, "cat /etc/machine-id") for s in plan.sites for m in s.machines}
    assert len(set(ids.values())) == len(ids), "each machine is its own"
    for site in plan.sites:
        for machine in site.machines:
            podman.kill(machine.full)
    assert {podman.status(m.full) for s in plan.sites for m in s.machines} == {"exited"}
    assert support.yrd("status", "--json", code=1).json["ready"] is False
    began = time.monotonic()
    said = support.yrd("start")
    assert time.monotonic() - began < SERVING
    # The one human step: officers open two stores, neighbours the others.
    assert said.err.count("opened with officers' shares") == custody.HELPERS
    assert support.yrd("status", "--json").json["ready"] is True
    assert {m: support.inside(m, "cat /etc/machine-id") for m in ids} == ids
    call = support.yrd("agreement", "try", "--consumer", "shanghai", "--dataset", "population", "--json").json
    assert call["status"] == 200
    assert (
        support.yrd("agreement", "try", "--consumer", "jiangsu", "--dataset", "population", "--json", code=1).json[
            "status"
        ]
        == 403
    )


def test_stop_and_start_keep_the_data(plan: Plan) -> None:
    support.yrd("stop")
    assert {podman.status(m.full) for s in plan.sites for m in s.machines} <= {"exited", "stopped"}
    support.yrd("start")
    assert (
        support.yrd("agreement", "try", "--consumer", "shanghai", "--dataset", "population", "--json").json["status"]
        == 200
    )

"""What the provinces share: the backbone, the hub, images. The hub holds no province's credential (D13)."""

from __future__ import annotations

from pulumi import ResourceOptions, export

from model.derive import Plan
from stacks.layers import machines
from stacks.layers.identity import centre
from stacks.roles import table
from stacks.things import Images, Secrets, Trust
from toolchain import images


def region(plan: Plan) -> None:
    """Declare the hub. Provinces' roots are fetched last, since provinces wait for the images."""
    env, hub = plan.environment.name, plan.hub
    bridge = machines.backbone(plan)
    on = machines.machine(plan, hub, hub.head, [bridge] if bridge else [])
    first = machines.roles(plan, hub, hub.head, table.HUB_FIRST, on, ())
    inside = ResourceOptions(deleted_with=on)
    secrets = Secrets(
        "secrets",
        {"environment": env, "site": hub.name, **machines.store(plan, hub)},
        machines.following(inside, [on, first]),
    )
    second = machines.roles(plan, hub, hub.head, table.HUB_SECOND, on, [secrets])
    machines.custody(plan, hub, [secrets], inside)
    centre(plan, hub, on, [second])
    refs = {n: r.digest for n, r in images.references().items()}
    pushed = Images(
        "images",
        {"environment": env, "images": refs},
        machines.following(inside, [second]),
    )
    roots = {f"/etc/yrd/partners/{p.name}.pem": p.name for p in plan.provinces}
    Trust(
        "trust",
        {"environment": env, "site": hub.name, "machine": hub.head.name, "files": roots},
        machines.following(inside, [pushed]),
    )
    export("registry", f"{hub.head.address}:{plan.world.region.ports.registry}")
    export("agreements", [a.name for a in plan.world.agreements])

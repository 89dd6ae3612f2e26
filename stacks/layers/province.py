"""One province, bottom to top: machines, secrets, cluster, network, mesh, exchange, data, watching."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource, ResourceOptions, export

from model import identity, logins, names
from model.derive import Plan, ProvincePlan
from stacks.layers import identity as centre_layer
from stacks.layers import machines
from stacks.providers.cluster_secrets import wanted
from stacks.renders import Rendered, rendered
from stacks.roles import table
from stacks.things import (
    ClusterSecrets,
    ExchangeClient,
    ExchangeTrust,
    ImagesReady,
    Login,
    Machine,
    PageClient,
    Release,
    Secrets,
    Trust,
)
from toolchain import images

#: Namespaces whose pods read Secrets from OpenBao.
_KEPT = (names.EXCHANGE_NAMESPACE, names.DATA_NAMESPACE, names.CONSUMER_NAMESPACE, names.PUBLIC_NAMESPACE)


def province(plan: Plan, target: ProvincePlan) -> None:
    """Declare a province. Only public material of others is needed, and only where two provinces meet (D5)."""
    env = plan.environment.name
    base = {"environment": env, "site": target.name}
    boxes = {m.name: machines.machine(plan, target, m) for m in target.machines}
    on = boxes[target.head.name]
    gone_with = ResourceOptions(deleted_with=on)
    first = [machines.roles(plan, target, m, table.PROVINCE_FIRST, boxes[m.name], ()) for m in target.machines]
    secrets = Secrets("secrets", {**base, **machines.store(plan, target)}, machines.following(gone_with, [on, *first]))
    clients = [
        ExchangeClient("exchange-client", base, machines.following(gone_with, [secrets])),
        *(
            PageClient(names.page_client(s.name), {**base, "client": s.name}, machines.following(gone_with, [secrets]))
            for s in target.offers
        ),
    ]
    trust = Trust(
        "trust",
        {**base, "machine": target.head.name, "files": {"/etc/yrd/hub/root.pem": plan.hub.name}},
        machines.following(gone_with, [on, secrets]),
    )
    people = logins.login(plan, target)
    Login(
        "login",
        {**base, "issuer": people.issuer, "keys": people.jwks_url},
        machines.following(gone_with, [secrets, trust]),
    )
    ready = ImagesReady(
        "images",
        {**base, "images": {n: r.digest for n, r in images.references().items()}},
        machines.following(gone_with, [trust]),
    )
    cluster = [
        machines.roles(plan, target, m, table.PROVINCE_SECOND, boxes[m.name], [trust, ready]) for m in target.machines
    ]
    machines.custody(plan, target, [*cluster, secrets], gone_with)
    centre_layer.people(plan, target, on, secrets, centre_layer.centre(plan, target, on, cluster))
    delivered = _releases(plan, target, on, [*cluster, *clients])
    issuers = [identity.realm(plan, partner).issuer for partner in target.partners]
    ExchangeTrust(
        "exchange-trust",
        {**base, "issuers": issuers},
        machines.following(gone_with, [delivered["mesh"], delivered["exchange"]]),
    )
    machines.roles(plan, target, target.head, table.PROVINCE_LAST, on, [*cluster, delivered["foundation"]])
    export("trust_domain", target.trust_domain)
    export("api", target.api_url)
    export("exchange", f"{target.head.address}:{plan.world.region.ports.exchange}")


def _releases(plan: Plan, target: ProvincePlan, on: Machine, cluster: Sequence[Resource]) -> dict[str, Resource]:
    """Releases by name, each after those that it names; Secrets from OpenBao stand before what reads them."""
    env = plan.environment.name
    done: dict[str, Resource] = {}

    def secret(stage: str) -> ClusterSecrets:
        slots = [f"{ns}/{name}" for ns, name in wanted(target, stage)]
        inputs = {"environment": env, "site": target.name, "stage": stage, "secrets": slots}
        return ClusterSecrets(
            f"secrets-{stage}", inputs, ResourceOptions(depends_on=[*cluster, done["foundation"]], deleted_with=on)
        )

    for release in rendered(plan, target):
        after = [*cluster, *(done[name] for name in release.after)]
        if release.namespace == names.MESH_NAMESPACE and "secrets-mesh" not in done and "foundation" in done:
            done["secrets-mesh"] = secret("mesh")
        if release.namespace in _KEPT and "secrets-exchange" not in done:
            done["secrets-exchange"] = secret("exchange")
        after += [done[stage] for stage in _stages(release) if stage in done]
        inputs = {
            "environment": env,
            "site": target.name,
            "release": release.name,
            "namespace": release.namespace,
            "objects": release.digests(),
        }
        done[release.name] = Release(release.name, inputs, ResourceOptions(depends_on=after, deleted_with=on))
    return done


def _stages(release: Rendered) -> tuple[str, ...]:
    if release.name in ("mesh",):
        return ("secrets-mesh",)
    return ("secrets-exchange",) if release.namespace in _KEPT else ()

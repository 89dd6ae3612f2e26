"""Bring a province's roots and certificates to everybody, and see that everybody uses them: nothing is taken away before.

A province does its own side; a partner's side is done here where this host holds that partner's credential too (`local`),
and is waited for where it does not (D5). What counts is what a running proxy or server holds, never what was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from clients import cluster, envoy, journal, keys, openbao, ssh, state, wait
from model import names, pki
from model.derive import Plan, ProvincePlan
from model.secrets import SecretsSpec, secrets_spec
from stacks import custody
from stacks.providers.cluster_secrets import CACERTS, ClusterSecretsProvider, wanted
from stacks.providers.secrets import ca_file, deployer_file
from stacks.providers.shared import TrustProvider
from toolchain import install

#: Seconds: the kubelet brings a Secret into a pod within a minute and a half, istiod reads it within moments.
PATIENCE = 240.0
NAMESPACES = (names.EXCHANGE_NAMESPACE, names.DATA_NAMESPACE, names.CONSUMER_NAMESPACE)
SYNC = "yrd/secrets"


@dataclass(frozen=True)
class Province:
    """One run's ways into a province."""

    plan: Plan
    site: ProvincePlan

    @property
    def spec(self) -> SecretsSpec:
        return secrets_spec(self.plan, self.site)

    def bao(self) -> openbao.OpenBao:
        credential = openbao.load(deployer_file(self.plan, self.site))
        return openbao.connect(self.site.openbao_url, ca_file(self.plan, self.site), credential)

    def api(self) -> cluster.Cluster:
        return cluster.connect(self.plan, self.site)

    def neighbours(self) -> list[Province]:
        """Provinces whose side this host may do, because it holds their credential."""
        others = [p for p in self.plan.provinces if p != self.site]
        return [Province(self.plan, p) for p in others if deployer_file(self.plan, p).exists()]


def publish(own: Province) -> None:
    """Put the roots where partners fetch them."""
    root = state.root_certificate(own.plan.environment.name, own.site.name)
    state.write_atomic(root, own.bao().anchors(pki.ROOT), 0o644)


def deliver(own: Province) -> None:
    """To all that trust the province: its machines and cluster, its neighbours' clusters and agents, the hub's scrapes."""
    publish(own)
    _machines(own)
    for province in (own, *own.neighbours()):
        _cluster(province)
        if province != own:
            custody.keep(own.plan, province.site)
    _hub(own)


def _machines(own: Province) -> None:
    """Every machine's own tool: new roots first, then certificates, then those who hold them are told."""
    for machine in own.site.machines:
        link = ssh.connect(own.plan.environment.name, own.site, machine)
        link.run("test ! -e /etc/yrd/certs.json || systemctl start yrd-certs.service", timeout=180)


def _cluster(province: Province) -> None:
    env, site = province.plan.environment.name, province.site
    for stage in ("mesh", "exchange"):
        slots = [f"{ns}/{name}" for ns, name in wanted(site, stage)]
        ClusterSecretsProvider().do({"environment": env, "site": site.name, "stage": stage, "secrets": slots}, None)
    sync(province)


def _hub(own: Province) -> None:
    """The hub scrapes the province and must know its exporter."""
    plan, hub = own.plan, own.plan.hub
    if deployer_file(plan, hub).exists():
        files = {f"/etc/yrd/partners/{own.site.name}.pem": own.site.name}
        props = {"environment": plan.environment.name, "site": hub.name, "machine": hub.head.name, "files": files}
        TrustProvider().do(props, None)


def sync(province: Province) -> None:
    """Have the kubelet look at once at pods that read a Secret as files; by itself it takes up to a minute and a half.

    A pod whose annotation says what its Secret holds is left alone.
    """
    api = province.api()
    for namespace in (names.MESH_NAMESPACE, names.DATA_NAMESPACE):
        for pod in api.all("v1", "Pod", namespace):
            mounted = sorted(v["secret"]["secretName"] for v in pod["spec"].get("volumes", ()) if "secret" in v)
            held = [api.secret(namespace, name) or {} for name in dict.fromkeys(mounted)]
            mark = hashlib.sha256(repr([sorted(h.items()) for h in held]).encode()).hexdigest()[:16]
            meta = pod["metadata"]
            if mounted and (meta.get("annotations") or {}).get(SYNC) != mark:
                path = f"{api.path('v1', 'Pod', namespace)}/{meta['name']}"
                patch = {"metadata": {"annotations": {SYNC: mark}}}
                api.request("PATCH", path, patch, content="application/merge-patch+json")


def reread(province: Province) -> None:
    """Databases read their certificate again; connections that are open stay."""
    api, kubectl = province.api(), install.tool("kubectl")
    for name in pki.databases(province.site):
        for pod in api.all("v1", "Pod", names.DATA_NAMESPACE, f"app={name}"):
            command = ("sh", "-c", "kill -HUP 1")
            envoy.execute(kubectl, api, names.DATA_NAMESPACE, pod["metadata"]["name"], "postgres", *command)


def settled(own: Province, what: str) -> None:
    """Wait until every proxy and every mounted file is as the Secrets say, here and at the neighbours.

    Raises UnreachableError (E194) that names who is behind.
    """
    for province in (own, *own.neighbours()):
        _settled(province, what)


def _settled(province: Province, what: str) -> None:
    behind: list[str] = []

    def done() -> bool:
        behind[:] = lagging(province)
        return not behind

    try:
        wait.until(f"{province.site.name} to use {what}", done, seconds=PATIENCE, every=1.0)
    finally:
        for name in behind:
            journal.note("pending", site=province.site.name, what=f"{name} does not use {what} yet")


def lagging(province: Province) -> Iterator[str]:
    """Proxies and files that hold something else than the cluster's Secrets."""
    api, kubectl = province.api(), install.tool("kubectl")
    cacerts = api.secret(*CACERTS) or {}
    gateways = {name: api.secret(ns, name) or {} for ns, name in wanted(province.site, "exchange")}
    for proxy in envoy.proxies(kubectl, api, NAMESPACES):
        if behind := list(differing(proxy.held, cacerts, gateways)):
            yield f"{proxy.name} ({', '.join(behind)})"
    for dataset in province.site.datasets:
        held = gateways[f"{names.database(dataset.name)}-tls"]
        files = {"ca.pem": held["ca.crt"]}, {"tls.crt": held["tls.crt"]}
        readers = (dataset.name, dataset.name), (names.database(dataset.name), "postgres")
        for (app, container), wanted_files in zip(readers, files, strict=True):
            for pod in api.all("v1", "Pod", names.DATA_NAMESPACE, f"app={app}"):
                for file, text in wanted_files.items():
                    read = ("cat", f"/etc/yrd/tls/{file}")
                    if (
                        envoy.execute(kubectl, api, names.DATA_NAMESPACE, pod["metadata"]["name"], container, *read)
                        != text
                    ):
                        yield f"{app} ({file})"


def differing(held: dict[str, str], cacerts: dict[str, str], secrets: dict[str, dict[str, str]]) -> Iterator[str]:
    """Names of what a proxy holds that is not as the Secrets say; pure."""
    for name, pem in held.items():
        if name == envoy.ROOTS and _set(pem) != _set(cacerts["root-cert.pem"]):
            yield "the mesh's roots"
        elif name == envoy.OWN and _set(cacerts["ca-cert.pem"]) - _set(pem):
            yield "its own certificate"
        elif name.startswith(envoy.SECRET):
            secret = name.removeprefix(envoy.SECRET)
            anchors = secret.endswith(envoy.ANCHORS)
            live = secrets.get(secret.removesuffix(envoy.ANCHORS), {}).get("ca.crt" if anchors else "tls.crt", pem)
            if _set(live) != _set(pem):
                yield secret


def _set(pem: str) -> frozenset[str]:
    return frozenset(keys.pem(c) for c in keys.load_chain(pem)) if pem.strip() else frozenset()

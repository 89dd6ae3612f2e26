"""What is installed into a province's cluster: Helm releases in order, from charts and values. Pure.

`releases` decides; whoever installs asks `assemble` for the folder of a chart and runs `helm` with the values.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from model import names
from model.derive import Plan, ProvincePlan
from model.errors import BadInputError
from model.types import Dataset, Service
from stacks.charts import affairs, apps, exchange, foundation, mesh, network, population, public
from stacks.charts.namespaces import SYSTEM_NAMESPACE, namespace_labels
from stacks.charts.types import CHARTS, Images, Release, Values

__all__ = ["Release", "assemble", "releases"]

#: A dataset is served by the chart of its own name; this says what that chart is told.
SERVED: dict[str, Callable[[ProvincePlan, Dataset, Images], Values]] = {"population": population.values}


#: The same for a service's page.
OFFERED: dict[str, Callable[[Plan, ProvincePlan, Service, Images], Values]] = {"affairs": affairs.values}


def releases(
    plan: Plan, province: ProvincePlan, images: Images, charts_root_istio: Path, calico_share: Path
) -> tuple[Release, ...]:
    """All releases of a province, each after those that it names in `after`.

    Raises BadInputError for a dataset that the province shall serve and that has no chart.
    """

    def release(name: str, namespace: str, values: Values, *after: str, istio: str = "", wait: bool = False) -> Release:
        chart = charts_root_istio / istio if istio else CHARTS / name
        shares = network.calico_shares(calico_share) if name == "calico-base" else {}
        return Release(name, namespace, chart, values, namespace_labels(plan, province, namespace), wait, after, shares)

    system, root, gateways = SYSTEM_NAMESPACE, names.MESH_NAMESPACE, names.EXCHANGE_NAMESPACE
    pods = ("network", "mesh-cni", "mesh-policy")
    return (
        release("foundation", system, foundation.values(plan, province)),
        release("calico-base", system, {}, wait=True),
        release("network", system, network.values(province, images), "calico-base", wait=True),
        release("mesh-base", root, mesh.base(), "foundation", istio="base", wait=True),
        release("mesh-cni", root, mesh.cni(images), "foundation", "network", istio="istio-cni", wait=True),
        release("mesh", root, mesh.istiod(province, images), "mesh-base", istio=mesh.ISTIOD_CHART, wait=True),
        release("mesh-policy", root, {}, "mesh"),
        release("exchange", gateways, exchange.values(plan, province), "mesh-policy"),
        release("ingress", gateways, mesh.ingress(plan, province), "exchange", *pods, istio="gateway", wait=True),
        release("egress", gateways, mesh.egress(), "exchange", *pods, istio="gateway", wait=True),
        *(
            release(d.name, names.DATA_NAMESPACE, _served(d)(province, d, images), *pods, wait=True)
            for d in province.datasets
        ),
        *_doors(plan, province, release, pods),
        *(
            release(
                s.name, names.CONSUMER_NAMESPACE, _offered(s)(plan, province, s, images), "public", *pods, wait=True
            )
            for s in province.offers
        ),
        release("apps", names.CONSUMER_NAMESPACE, apps.values(plan, province, images), *pods, wait=True),
    )


def _doors(
    plan: Plan, province: ProvincePlan, release: Callable[..., Release], pods: tuple[str, ...]
) -> tuple[Release, ...]:
    """The way in for people, where there is something to come for."""
    if not province.offers:
        return ()
    space, gateway = names.PUBLIC_NAMESPACE, mesh.public(plan, province)
    return (
        release("public", space, public.values(plan, province), "mesh-policy"),
        release(names.PUBLIC_ACCOUNT, space, gateway, "public", *pods, istio="gateway", wait=True),
    )


def assemble(release: Release, cache: Path) -> Path:
    """Folder of the release's chart, complete; made in `cache` where upstream's files belong into it, else where it is.

    The folder's name is the digest of its content, and it appears in one step.
    """
    if not release.shares:
        return release.chart
    target = cache / f"chart-{release.name}-{_digest(release)}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"chart-{release.name}-", dir=cache))
    shutil.copytree(release.chart, draft, dirs_exist_ok=True)
    for inside, source in release.shares.items():
        (draft / inside).parent.mkdir(parents=True, exist_ok=True)
        (draft / inside).write_bytes(source.read_bytes())
    try:
        draft.rename(target)
    except OSError:
        # Another run made the same folder meanwhile.
        shutil.rmtree(draft)
        if not target.is_dir():
            raise
    return target


def _digest(release: Release) -> str:
    own = {str(p.relative_to(release.chart)): p for p in release.chart.rglob("*") if p.is_file()}
    result = hashlib.sha256()
    for inside, path in sorted({**own, **release.shares}.items()):
        result.update(f"{inside}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return result.hexdigest()[:16]


def _served(dataset: Dataset) -> Callable[[ProvincePlan, Dataset, Images], Values]:
    if dataset.name not in SERVED:
        raise _no_chart("数据集", "dataset", dataset.name, "SERVED")
    return SERVED[dataset.name]


def _offered(service: Service) -> Callable[[Plan, ProvincePlan, Service, Images], Values]:
    if service.name not in OFFERED:
        raise _no_chart("服务", "service", service.name, "OFFERED")
    return OFFERED[service.name]


def _no_chart(zh: str, en: str, name: str, table: str) -> BadInputError:
    return BadInputError(
        "E180",
        f"{zh} {name} 没有对应的部署图表",
        f"{en} {name} has no chart that serves it",
        f"新建 charts/{name}，并在 stacks/charts/__init__.py 的 {table} 中登记",
        f"add charts/{name} and name it in {table} of stacks/charts/__init__.py",
    )

"""Facts in, metric families out. Pure; `province` is a label that Prometheus adds, since each job is one province.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_timestamp_seconds` for moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

Settings = Mapping[str, Any]


def gauge(name: str, text: str, rows: Iterable[tuple[Sequence[str], float]], labels: Sequence[str] = ()) -> Metric:
    """One family; a family without rows is still told, so that a reader sees that it was looked at."""
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def province(settings: Settings) -> Iterable[Metric]:
    row = ([settings["code"], settings["zh"], settings["en"], settings["trust_domain"]], 1.0)
    yield gauge("yrd_province_info", "What this province is called.", [row], ("code", "zh", "en", "trust_domain"))


def agreements(settings: Settings, policies: set[str], now: datetime) -> Iterable[Metric]:
    """`policies` are the names of the live AuthorizationPolicies at the ingress gateway."""
    rows = settings["agreements"]
    labels = ("agreement", "provider", "consumer", "dataset")

    def force(row: Settings) -> float:
        return float(datetime.fromisoformat(row["since"]) <= now < datetime.fromisoformat(row["until"]))

    yield gauge(
        "yrd_agreement_in_force",
        "Whether an agreement's time has begun and not ended.",
        [([row[key] for key in labels], force(row)) for row in rows],
        labels,
    )
    yield gauge(
        "yrd_agreement_until_timestamp_seconds",
        "When an agreement ends.",
        [([row["agreement"]], datetime.fromisoformat(row["until"]).timestamp()) for row in rows],
        ("agreement",),
    )
    yield gauge(
        "yrd_agreement_enforced",
        "At the provider: whether exactly this agreement's policy is live.",
        [([r["agreement"]], float(r["policy"] in policies)) for r in rows if r["provider"] == settings["province"]],
        ("agreement",),
    )


def certificates(found: Mapping[str, bytes]) -> Iterable[Metric]:
    """`found` is PEM by file."""
    parsed = {name: x509.load_pem_x509_certificate(pem) for name, pem in found.items()}
    yield gauge(
        "yrd_certificate_not_after_timestamp_seconds",
        "When a certificate ends.",
        [([name], c.not_valid_after_utc.timestamp()) for name, c in parsed.items()],
        ("name",),
    )
    yield gauge(
        "yrd_certificate_not_before_timestamp_seconds",
        "When a certificate began.",
        [([name], c.not_valid_before_utc.timestamp()) for name, c in parsed.items()],
        ("name",),
    )


def openbao(health: Mapping[str, Any] | None) -> Iterable[Metric]:
    """`health` is the answer of sys/health, None when nobody answered."""
    yield gauge("yrd_openbao_up", "Whether OpenBao answers.", [((), float(health is not None))])
    if health is not None:
        yield gauge("yrd_openbao_initialized", "Whether OpenBao was initialised.", [((), float(health["initialized"]))])
        yield gauge("yrd_openbao_sealed", "Whether OpenBao gives nothing away.", [((), float(health["sealed"]))])


def nodes(items: Sequence[Mapping[str, Any]]) -> Iterable[Metric]:
    def ready(node: Mapping[str, Any]) -> float:
        conditions = node["status"].get("conditions") or ()
        return float(any(c["type"] == "Ready" and c["status"] == "True" for c in conditions))

    rows = [([node["metadata"]["name"]], ready(node)) for node in items]
    yield gauge("yrd_node_ready", "Whether a node takes work.", rows, ("node",))


def workloads(items: Sequence[Mapping[str, Any]], mesh: Sequence[Sequence[str]]) -> Iterable[Metric]:
    """Deployments, DaemonSets and StatefulSets by namespace; `mesh` lists (namespace, name) of what carries every call."""
    ready: dict[str, int] = {}
    desired: dict[str, int] = {}
    whole: set[tuple[str, str]] = set()
    for item in items:
        space, status = item["metadata"]["namespace"], item.get("status") or {}
        wanted = status.get("desiredNumberScheduled", item["spec"].get("replicas", 1 if "replicas" in status else 0))
        have = status.get("numberReady", status.get("readyReplicas", 0)) or 0
        ready[space], desired[space] = ready.get(space, 0) + have, desired.get(space, 0) + wanted
        if have >= wanted > 0:
            whole.add((space, item["metadata"]["name"]))
    yield gauge("yrd_workloads_ready", "Pods that are ready.", [([k], v) for k, v in ready.items()], ("namespace",))
    yield gauge("yrd_workloads_desired", "Pods that should be.", [([k], v) for k, v in desired.items()], ("namespace",))
    complete = all(tuple(pair) in whole for pair in mesh)
    yield gauge("yrd_mesh_ready", "Whether istiod and both gateways are complete.", [((), float(complete))])


def rejects(text: str) -> Iterable[Metric]:
    """istiod's own metrics. The counter appears with the first rejection, so its absence among others means none."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    connected = sum(float(line.split()[-1]) for line in lines if line.startswith("pilot_xds{"))
    if not any(line.startswith("pilot_") for line in lines):
        raise ValueError("not istiod's metrics")
    total = sum(float(line.split()[-1]) for line in lines if line.startswith("pilot_total_xds_rejects"))
    yield gauge(
        "yrd_mesh_rejected_configurations", "Configurations that a proxy refused since istiod began.", [((), total)]
    )
    yield gauge("yrd_mesh_proxies", "Proxies that are connected to istiod.", [((), connected)])


def memory(usage: int, stat: str) -> Iterable[Metric]:
    """Working set of the machine's cgroup: usage less inactive file pages."""
    values = dict(line.split() for line in stat.splitlines() if line)
    inactive = int(values.get("total_inactive_file", values.get("inactive_file", "0")))
    held = float(max(0, usage - inactive))
    yield gauge("yrd_machine_memory_working_set_bytes", "Memory that the machine cannot give back.", [((), held)])


def audit(verdict: Mapping[str, Any] | None) -> Iterable[Metric]:
    """The last audit; nothing at all where there was none."""
    if verdict is None:
        return
    rows = [([name], float(count)) for name, count in verdict["summary"].items()]
    yield gauge("yrd_audit_results", "Checks of the last audit.", rows, ("verdict",))
    at = datetime.fromisoformat(verdict["at"]).timestamp()
    yield gauge("yrd_audit_timestamp_seconds", "When the last audit was made.", [((), at)])

"""One province's API server, read through the `kubernetes` client: one list per kind, whatever the kind is.

The kubeconfig is fetched from the province's head machine by SSH, so that only who may enter the machine holds it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from clients import ssh, state
from model.derive import Plan, ProvincePlan
from model.errors import UnreachableError, YrdError

Object = dict[str, Any]
#: Written by controllers, not by whoever declares an object.
_VOLATILE_ANNOTATIONS = (
    "deployment.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "kubectl.kubernetes.io/",
    "deprecated.daemonset",
)
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class ClusterError(YrdError):
    """The API server refused a request."""


def key(item: Object) -> str:
    """`Kind.group/namespace/name`: how a rendered or live object is named in states and reports."""
    group = item["apiVersion"].rpartition("/")[0]
    meta = item["metadata"]
    return f"{item['kind']}{'.' + group if group else ''}/{meta.get('namespace', '')}/{meta['name']}"


def digest(item: Object) -> str:
    """Digest of what somebody declared: everything but status, and of the metadata labels and annotations only."""
    meta = item.get("metadata", {})
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if not k.startswith(_VOLATILE_ANNOTATIONS)}
    body = {k: v for k, v in item.items() if k not in {"status", "metadata", "apiVersion", "kind"}}
    text = json.dumps([_without_bundle(body), meta.get("labels") or {}, annotations], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_bundle(value: Any) -> Any:
    """istiod writes its CA into webhooks; everything else in them is ours."""
    if isinstance(value, dict):
        return {k: _without_bundle(v) for k, v in value.items() if k not in {"caBundle", "nodeName"}}
    return [_without_bundle(v) for v in value] if isinstance(value, list) else value


class Cluster:
    """Requests by path; `path` finds where a kind lives by one aggregated discovery."""

    def __init__(self, api: client.ApiClient, kubeconfig: Path, name: str) -> None:
        self.api, self.kubeconfig, self.name = api, kubeconfig, name
        self._resources: dict[tuple[str, str], tuple[str, bool]] = {}

    def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        accept: str = "application/json",
        content: str = "application/json",
        text: bool = False,
    ) -> Any:
        """The answer's JSON (or text). Raises ClusterError for a refusal, UnreachableError when nobody answers."""
        headers = {"Accept": accept, "Content-Type": content}
        try:
            response = self.api.call_api(
                method, f"{self.api.configuration.host}{path}", headers, body, _request_timeout=30
            )
            data = response.read().decode()  # type: ignore[no-untyped-call]
            if not 200 <= response.status < 300:
                raise ApiException(status=response.status, reason=response.reason, body=data)
        except ApiException as refused:
            said = str(refused.body or refused.reason)[:400]
            raise ClusterError(
                f"K{refused.status}",
                f"{self.name} 的 API 拒绝 {method} {path}：{said}",
                f"{self.name}'s API refused {method} {path}: {said}",
            ) from refused
        except (urllib3.exceptions.HTTPError, OSError) as gone:
            raise UnreachableError(
                "E196",
                f"{self.name} 的 API 服务器无应答",
                f"{self.name}'s API server does not answer: {str(gone)[:200]}",
                "先运行 yrd status",
                "look with `yrd status`",
            ) from gone
        return data if text else json.loads(data)

    def path(self, api_version: str, kind: str, namespace: str = "") -> str | None:
        """Path of a kind's collection, None when the cluster does not know the kind."""
        if (api_version, kind) not in self._resources:
            self._resources = dict(self._discover())
        found = self._resources.get((api_version, kind))
        if not found:
            return None
        plural, namespaced = found
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        return f"{base}/namespaces/{namespace}/{plural}" if namespaced and namespace else f"{base}/{plural}"

    def kinds(self) -> tuple[tuple[str, str], ...]:
        """(apiVersion, kind) pairs that the cluster serves, as of the last discovery."""
        return tuple(self._resources)

    def rediscover(self) -> None:
        """Forget what kinds there are: definitions may have come or gone."""
        self._resources = {}

    def _discover(self) -> Iterator[tuple[tuple[str, str], tuple[str, bool]]]:
        for root in ("/api", "/apis"):
            for group in self.request("GET", root, accept=_DISCOVERY)["items"]:
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    for resource in version.get("resources", ()):
                        where = f"{name}/{version['version']}" if name else version["version"]
                        yield (
                            (where, resource["responseKind"]["kind"]),
                            (resource["resource"], resource["scope"] == "Namespaced"),
                        )

    def all(self, api_version: str, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        """Every object of a kind, page by page; empty when the cluster does not know the kind."""
        path, found, more = self.path(api_version, kind, namespace), [], ""
        if not path:
            return []
        while True:
            answer = self.request(
                "GET",
                f"{path}?limit=500{'&labelSelector=' + labels if labels else ''}{'&continue=' + more if more else ''}",
            )
            found += [{"apiVersion": api_version, "kind": kind, **item} for item in answer["items"]]
            more = answer["metadata"].get("continue", "")
            if not more:
                return found

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        path = self.path(api_version, kind, namespace)
        try:
            return None if path is None else self.request("GET", f"{path}/{name}")
        except ClusterError as refused:
            if refused.code == "K404":
                return None
            raise

    def put(self, item: Object) -> None:
        """Create, or replace as a whole: what somebody added by hand does not survive."""
        meta = item["metadata"]
        path = self.path(item["apiVersion"], item["kind"], meta.get("namespace", ""))
        live = self.get(item["apiVersion"], item["kind"], meta.get("namespace", ""), meta["name"])
        if live is None:
            self.request("POST", str(path), item)
            return
        body = {**item, "metadata": {**meta, "resourceVersion": live["metadata"]["resourceVersion"]}}
        if item["kind"] == "Service":
            body["spec"] = {
                **item["spec"],
                "clusterIP": live["spec"].get("clusterIP"),
                "clusterIPs": live["spec"].get("clusterIPs"),
            }
        self.request("PUT", f"{path}/{meta['name']}", body)

    def delete(self, api_version: str, kind: str, namespace: str, name: str) -> None:
        path = self.path(api_version, kind, namespace)
        if path and self.get(api_version, kind, namespace, name):
            self.request("DELETE", f"{path}/{name}")

    def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """A Secret's values, decoded."""
        found = self.get("v1", "Secret", namespace, name)
        return (
            None if found is None else {k: base64.b64decode(v).decode() for k, v in (found.get("data") or {}).items()}
        )

    def put_secret(
        self,
        namespace: str,
        name: str,
        values: dict[str, str],
        kind: str = "Opaque",
        labels: dict[str, str] | None = None,
    ) -> None:
        data = {k: base64.b64encode(v.encode()).decode() for k, v in values.items()}
        self.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": kind,
                "metadata": {"namespace": namespace, "name": name, "labels": labels or {}},
                "data": data,
            }
        )

    def close(self) -> None:
        self.api.rest_client.pool_manager.clear()


def kubeconfig(plan: Plan, province: ProvincePlan) -> Path:
    """Fetch the administrator's kubeconfig from the head machine into the province's own folder, mode 0600."""
    path = state.site(plan.environment.name, province.name) / "admin.conf"
    link = ssh.connect(plan.environment.name, province, province.head)
    text = link.run(("" if link.user == "root" else "sudo -n ") + "cat /etc/kubernetes/admin.conf")
    document = yaml.safe_load(text)
    for entry in document["clusters"]:
        entry["cluster"]["server"] = province.api_url
    wanted = yaml.safe_dump(document)
    if not path.exists() or path.read_text() != wanted:
        state.write_atomic(path, wanted)
    return path


def connect(plan: Plan, province: ProvincePlan) -> Cluster:
    """Raises SshError or ClusterError; opens nothing but the SSH connection until the first request."""
    path = kubeconfig(plan, province)
    settings = client.Configuration()
    settings.retries = urllib3.Retry(total=2, backoff_factor=0.3)
    config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=str(path), client_configuration=settings
    )
    settings.proxy = None
    settings.no_proxy = "*"
    return Cluster(client.ApiClient(settings), path, province.name)

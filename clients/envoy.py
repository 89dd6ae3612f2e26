"""What a running Envoy holds at this moment: certificates that an object or a file only promises."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients import cluster, shell
from clients.helm import kubectl_environment

CONTAINER = "istio-proxy"
#: Names by which istiod's agent gives a workload its own certificate and the mesh's roots; a gateway's Secrets come as
#: `kubernetes://<name>` and `kubernetes://<name>-cacert`.
OWN, ROOTS, SECRET, ANCHORS = "default", "ROOTCA", "kubernetes://", "-cacert"


@dataclass(frozen=True)
class Proxy:
    """One pod's Envoy. `held` is PEM by the secret's name: a chain, or the roots that it verifies with."""

    namespace: str
    pod: str
    held: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.pod}"


def execute(kubectl: Path, api: cluster.Cluster, namespace: str, pod: str, container: str, *words: str) -> str:
    """Output of a command in a container. Raises CommandError."""
    where = ["-n", namespace, "exec", pod, "-c", container, "--", *words]
    command = [str(kubectl), "--kubeconfig", str(api.kubeconfig), *where]
    return shell.run(command, timeout=60, env=kubectl_environment()).stdout


def proxies(kubectl: Path, api: cluster.Cluster, namespaces: tuple[str, ...]) -> tuple[Proxy, ...]:
    """Every running proxy of some namespaces. Raises CommandError for one that does not answer."""
    with ThreadPoolExecutor(4) as pool:
        return tuple(pool.map(lambda at: _proxy(kubectl, api, *at), list(_pods(api, namespaces))))


def _pods(api: cluster.Cluster, namespaces: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for namespace in namespaces:
        for pod in api.all("v1", "Pod", namespace):
            spec, meta = pod["spec"], pod["metadata"]
            containers = (*spec["containers"], *(spec.get("initContainers") or ()))
            running = pod["status"].get("phase") == "Running" and not meta.get("deletionTimestamp")
            if running and CONTAINER in [c["name"] for c in containers]:
                yield namespace, meta["name"]


def _proxy(kubectl: Path, api: cluster.Cluster, namespace: str, pod: str) -> Proxy:
    ask = ("pilot-agent", "request", "GET", "config_dump?resource=dynamic_active_secrets")
    said = execute(kubectl, api, namespace, pod, CONTAINER, *ask)
    # The agent may say something about itself first.
    return Proxy(namespace, pod, active(json.loads(said[said.index("{") :])))


def active(dump: dict[str, Any]) -> dict[str, str]:
    """Certificates of a dump by their secret's name; keys are not in it (Envoy writes `[redacted]`)."""
    found = {}
    for row in dump.get("configs", ()):
        secret = row["secret"]
        chain = secret.get("tls_certificate", {}).get("certificate_chain") or {}
        roots = secret.get("validation_context", {}).get("trusted_ca") or {}
        found[row["name"]] = base64.b64decode((chain or roots).get("inline_bytes", "")).decode()
    return found

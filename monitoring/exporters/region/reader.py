"""Everything that the exporter asks: the API server, OpenBao, istiod, files. Reads only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
from kubernetes import client

#: Seconds per question.
TIMEOUT = 8
CGROUPS = (
    (Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"), Path("/sys/fs/cgroup/memory/memory.stat")),
    (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory.stat")),
)


class Reader:
    """One province's sources, by the exporter's own certificate."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.web = requests.Session()
        self.web.trust_env = False
        configuration = client.Configuration()
        configuration.host = settings["api"]
        configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file = (
            settings["api_ca"], settings["api_certificate"], settings["api_key"],
        )  # fmt: skip
        configuration.retries = 0
        self.api = client.ApiClient(configuration)

    def items(self, path: str) -> list[dict[str, Any]]:
        """A list of objects as the API server wrote it. Raises ApiException, or urllib3's errors."""
        host = self.api.configuration.host
        answer = self.api.call_api("GET", f"{host}{path}", {"Accept": "application/json"}, _request_timeout=TIMEOUT)
        body = json.loads(answer.read())  # type: ignore[no-untyped-call]
        if "items" not in body:
            raise ValueError(f"{path}: {str(body)[:200]}")
        return list(body["items"])

    def workloads(self) -> list[dict[str, Any]]:
        return [
            i for kind in ("deployments", "daemonsets", "statefulsets") for i in self.items(f"/apis/apps/v1/{kind}")
        ]

    def policies(self) -> set[str]:
        """AuthorizationPolicies at the gateways."""
        path = f"/apis/security.istio.io/v1/namespaces/{self.settings['exchange_namespace']}/authorizationpolicies"
        return {item["metadata"]["name"] for item in self.items(path)}

    def istiod(self) -> str:
        """istiod's metrics, straight from its pod on this machine."""
        path = f"/api/v1/namespaces/{self.settings['mesh_namespace']}/pods?labelSelector=app%3Distiod"
        address = next(p["status"]["podIP"] for p in self.items(path) if p["status"].get("podIP"))
        answer = self.web.get(f"http://{address}:15014/metrics", timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.text

    def openbao(self) -> dict[str, Any] | None:
        """Health without a credential; its status code, which says the same, is ignored."""
        url = f"{self.settings['openbao']}/v1/sys/health"
        try:
            return dict(self.web.get(url, verify=self.settings["openbao_ca"], timeout=TIMEOUT).json())
        except requests.exceptions.ConnectionError:
            return None

    def certificates(self) -> dict[str, bytes]:
        """PEM by file; a file that is declared and not there is an error, not one certificate less."""
        return {path: Path(path).read_bytes() for path in self.settings["certificates"]}

    def memory(self) -> tuple[int, str]:
        """Usage in bytes and the statistics of the machine's own cgroup."""
        for usage, stat in CGROUPS:
            if usage.exists():
                return int(usage.read_text()), stat.read_text()
        raise FileNotFoundError("no memory controller in this cgroup")

    def audit(self) -> dict[str, Any] | None:
        path = Path(self.settings["audit"])
        return dict(json.loads(path.read_text())) if path.exists() else None

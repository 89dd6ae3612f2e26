"""Certificates of a province's machines, and the anchor by which an API server believes who speaks for others.

    make    a new front-proxy anchor beside the old one
    trust   the API server takes both
    switch  the new one signs
    leaves  every certificate of every machine anew: servers, API server, etcd, kubeconfigs; nobody is restarted who need not be
    retire  the old anchor's key is destroyed, and the API server takes the new one alone

Not rotated here, because a gap cannot be avoided on one control plane: the anchors `pki-kubernetes` and `pki-etcd`. Who
verifies with them (pods by `kube-root-ca.crt`, kubelets, controller manager, scheduler; etcd) reads them once at its start.
Their leaves are renewed, with the old ones valid until their end (at most 90 days): Kubernetes has no revocation.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

import yaml

from clients import cluster, openbao, ssh, wait
from clients.load import once
from clients.prober import Request
from model import pki
from model.derive import Plan, ProvincePlan
from model.secrets import SecretsSpec
from stacks import secrets_issue
from stacks.rotation import issuers
from stacks.rotation.base import Old, Step
from stacks.rotation.spread import Province

ROLE, MARK = "front-proxy-client", "/var/lib/yrd/certs-anew"
#: Where an API server publishes what it believes now.
PUBLISHED = ("v1", "ConfigMap", "kube-system", "extension-apiserver-authentication")
#: Somebody who has no right at all: refused as stranger (401) or known and without a right (403).
NOBODY = {"x-remote-user": "yrd:rotation"}
Change = Callable[[openbao.OpenBao, SecretsSpec, str, str], None]


class Pki:
    """Leaves of one province, and its front-proxy anchor."""

    name = "pki"

    def __init__(self, plan: Plan, site: ProvincePlan) -> None:
        self.own = Province(plan, site)

    def standing(self) -> AbstractContextManager[str]:
        return nullcontext("")

    def remember(self) -> dict[str, str]:
        pair = self._proxy()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        anchor = self.own.bao().public(pki.FRONT_PROXY)
        return {"anchor": anchor, "certificate": pair.certificate, "key": pair.key, "since": now}

    def steps(self, old: Old) -> tuple[Step, ...]:
        return (
            Step("make", lambda: self._change(issuers.make, old)),
            Step("trust", self._deliver),
            Step("switch", lambda: self._change(issuers.switch, old)),
            Step("leaves", lambda: self._leaves(old)),
            Step("retire", lambda: self._retire(old)),
        )

    def request(self) -> Request:
        """An object that the API server reads from etcd, asked for with the administrator's certificate of now."""
        return api_request(self.own)

    def refused(self, old: Old) -> bool:
        """Who shows the old anchor's certificate speaks for nobody any more; who shows the new one's does."""
        pair = self._proxy()
        return self._believed(pair.certificate, pair.key) and not self._believed(old["certificate"], old["key"])

    def _change(self, change: Change, old: Old) -> None:
        change(self.own.bao(), self.own.spec, old["anchor"], pki.FRONT_PROXY)

    def _deliver(self) -> None:
        """Every machine's own tool; then the API server is seen to believe what OpenBao says."""
        for machine in self.own.site.machines:
            link = ssh.connect(self.own.plan.environment.name, self.own.site, machine)
            link.run("systemctl start yrd-certs.service", timeout=180)
        wanted = self.own.bao().anchors(pki.FRONT_PROXY)
        wait.until("the API server to believe it", lambda: self._believes() == wanted, seconds=120, fix="yrd status")

    def _believes(self) -> str:
        found = self.own.api().get(*PUBLISHED) or {}
        return str((found.get("data") or {}).get("requestheader-client-ca-file", ""))

    def _leaves(self, old: Old) -> None:
        for machine in self.own.site.machines:
            ssh.connect(self.own.plan.environment.name, self.own.site, machine).write(MARK, old["since"] + "\n")
        self._deliver()

    def _retire(self, old: Old) -> None:
        self._change(issuers.retire, old)
        self._deliver()

    def _proxy(self) -> secrets_issue.Pair:
        """A certificate as the API server itself has one, for speaking in others' names."""
        client, spec = self.own.bao(), self.own.spec
        with issuers.lent(client, spec, {spec.role(pki.FRONT_PROXY, ROLE).sign_path: ("update",)}):
            return secrets_issue.pair(client, spec, pki.FRONT_PROXY, ROLE)

    def _believed(self, certificate: str, key: str) -> bool:
        """Raises ValueError when it is told neither 401 nor 403."""
        asked = api_request(self.own)
        speaking = Request(
            asked.host, asked.port, asked.server_name, asked.ca, certificate, key, "GET", "/api", NOBODY, status=403
        )
        if (fault := once(speaking)) not in ("", "status 401"):
            raise ValueError(f"{self.own.site.name}: {fault}")
        return not fault


def api_request(own: Province) -> Request:
    """A read that goes from the API server to etcd."""
    document = yaml.safe_load(cluster.kubeconfig(own.plan, own.site).read_text())
    user, trusted = document["users"][0]["user"], document["clusters"][0]["cluster"]
    host, port = str(own.site.head.address), int(own.site.api_url.rpartition(":")[2])
    return Request(
        host,
        port,
        host,
        _text(trusted["certificate-authority-data"]),
        _text(user["client-certificate-data"]),
        _text(user["client-key-data"]),
        path="/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
        contains="requestheader-client-ca-file",
    )


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()

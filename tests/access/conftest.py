"""A real API server on loopback, with etcd, the role's own authentication file and the chart's own rights; realms that sign for real."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
import requests

from clients import ports
from model import identity
from model.derive import Plan, derive
from model.identity import POWERS
from model.load import find_root, load
from stacks.charts import foundation
from stacks.roles.kubernetes import issuer
from tests.secrets.conftest import ROLES, until
from tests.secrets.issuer import Issuer

PROVINCE = "anhui"


@pytest.fixture(scope="session")
def plan() -> Plan:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    return derive(load(find_root(), now), "local", now)


@pytest.fixture(scope="session")
def realms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Issuer]]:
    """Anhui's realm, the broker's, and Jiangsu's, which Anhui does not believe."""
    folder = tmp_path_factory.mktemp("realms")
    started = {name: Issuer(folder / name, name) for name in (PROVINCE, identity.BROKER, "jiangsu")}
    yield started
    for realm in started.values():
        realm.stop()


def tool(name: str) -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yrd/tools"
    found = shutil.which(name) or next((str(p) for p in sorted(cache.glob(f"*/bin/{name}"))), None)
    if not found:
        pytest.skip(f"{name} is neither on PATH nor in the tools' cache")
    return found


def authentication(plan: Plan, believed: dict[str, Issuer]) -> str:
    """The role's template with the model's conditions, for realms that answer on loopback."""
    rows = []
    for name, realm in believed.items():
        item = {**issuer(plan, plan.province(PROVINCE), name), "url": realm.url}
        rows.append({"item": item, "content": base64.b64encode(realm.root.encode()).decode()})
    rows.append({"item": {"url": "https://127.0.0.1:1/not-published"}})
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLES / "kubernetes/templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - configuration of a machine, not HTML
    )
    environment.filters |= {"to_json": json.dumps, "b64decode": lambda text: base64.b64decode(text).decode()}
    template = environment.get_template("etc/kubernetes/authentication/config.yaml.j2")
    return template.render(kubernetes_roots={"results": rows})


@dataclass
class ApiServer:
    """One API server. `admin` is the token of its maker, which no real one has."""

    folder: Path
    port: int
    etcd_port: int
    processes: list[subprocess.Popen[bytes]]
    admin: str = "maker"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def configuration(self) -> Path:
        return self.folder / "authentication.yaml"

    def believe(self, text: str) -> None:
        draft = self.configuration.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self.configuration)

    def ask(self, method: str, path: str, token: str = "", body: object = None, **headers: str) -> requests.Response:
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        ca = self.folder / "certificates/apiserver.crt"
        session = requests.Session()
        session.trust_env = False
        return session.request(
            method, self.url + path, headers=sent, json=body, verify=str(ca) if ca.exists() else False, timeout=30
        )

    def who(self, token: str) -> tuple[int, dict[str, Any]]:
        """What the API server makes of a token."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", token, review)
        return answer.status_code, answer.json().get("status", {}).get("userInfo", {}) if answer.ok else {}

    def start(self) -> None:
        self._run([tool("etcd"), "--data-dir", str(self.folder / "etcd"), "--log-level", "error", *self._etcd()])
        self._run([tool("kube-apiserver"), *self._options()])
        until(self._ready, 90)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.processes.clear()

    def _run(self, command: list[str]) -> None:
        with (self.folder / "out").open("ab") as out:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=out))

    def _etcd(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.etcd_port + 1}"
        own = ["--listen-client-urls", client, "--advertise-client-urls", client, "--unsafe-no-fsync"]
        peers = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        return [*own, *peers, "--initial-cluster", f"default={peer}"]

    def _options(self) -> list[str]:
        key = self.folder / "account.key"
        if not key.exists():
            subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f"{self.admin},maker,maker,system:masters\n")
        return [
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self.folder}/certificates",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.240.0.0/16",
            "--authorization-mode=RBAC",
            f"--authentication-config={self.configuration}",
            f"--token-auth-file={self.folder}/tokens.csv",
        ]

    def _ready(self) -> bool:
        assert all(p.poll() is None for p in self.processes), (self.folder / "out").read_text()[-3000:]
        try:
            return self.ask("GET", "/readyz").status_code == 200
        except requests.RequestException:
            return False


def new(folder: Path) -> ApiServer:
    folder.mkdir(parents=True, exist_ok=True)
    return ApiServer(folder, ports.free_pair(), ports.free_pair(), [])


def give_rights(server: ApiServer, plan: Plan) -> None:
    """The chart's ClusterRoles and bindings of the powers, by the values that the chart is given."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    for row in foundation.values(plan, plan.province(PROVINCE))["powers"]:
        meta = {"name": row["name"]}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
        made = server.ask(
            "POST", f"{rbac}/clusterroles", server.admin, {**role, "metadata": meta, "rules": row["rules"]}
        )
        subject = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": row["group"]}
        reference = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": row["name"]}
        binding = {**role, "kind": "ClusterRoleBinding", "metadata": meta, "roleRef": reference, "subjects": [subject]}
        bound = server.ask("POST", f"{rbac}/clusterrolebindings", server.admin, binding)
        assert (made.status_code, bound.status_code) == (201, 201), made.text + bound.text


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory, plan: Plan, realms: dict[str, Issuer]) -> Iterator[ApiServer]:
    server = new(tmp_path_factory.mktemp("api"))
    server.believe(authentication(plan, {name: realms[name] for name in (PROVINCE, identity.BROKER)}))
    try:
        server.start()
        give_rights(server, plan)
        # The API server asks a realm for its keys in the background.
        until(lambda: all(server.who(realms[PROVINCE].token(roles=[p]))[0] == 201 for p in POWERS), 60)
        until(lambda: server.who(realms[identity.BROKER].token())[0] == 201, 60)
        yield server
    finally:
        server.stop()

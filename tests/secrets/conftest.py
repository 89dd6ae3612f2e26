"""A plan made from `region/`, and a real OpenBao on loopback with the configuration that the role renders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from clients import ports
from clients.openbao import OpenBao, ready
from clients.templates import render
from model.derive import Plan, ProvincePlan, derive
from model.secrets import SecretsSpec, secrets_spec
from model.types import Agreement, Dataset, Environment, Organ, Province, Region, Text, World
from stacks.secrets_custody import establish, initialise, reopen, unseal

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 12, 1, tzinfo=UTC)
ROLES = ROOT / "roles"
HERE = Environment(
    name="local",
    title=Text(zh="测试", en="Test"),
    machines="podman",
    network=IPv4Network("10.77.0.0/16"),
    loopback=18000,
)


@pytest.fixture(scope="session")
def plan() -> Plan:
    def read(folder: str) -> list[object]:
        return [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "region" / folder).glob("*.yaml"))]

    world = World(
        region=Region.model_validate(yaml.safe_load((ROOT / "region/region.yaml").read_text())),
        provinces=tuple(Province.model_validate(row) for row in read("provinces")),
        environments=(HERE,),
        organs=tuple(Organ.model_validate(row) for row in read("organs")),
        datasets=tuple(Dataset.model_validate(row) for row in read("datasets")),
        agreements=tuple(Agreement.model_validate(row) for row in read("agreements")),
    )
    return derive(world, "local", NOW)


@pytest.fixture
def anhui(plan: Plan) -> ProvincePlan:
    return plan.province("anhui")


@pytest.fixture
def hub_spec(plan: Plan) -> SecretsSpec:
    return secrets_spec(plan, plan.hub)


@pytest.fixture
def spec(plan: Plan, anhui: ProvincePlan) -> SecretsSpec:
    return secrets_spec(plan, anhui)


def program() -> str | None:
    """The server: on PATH, or in the tools' cache, where the newest is taken."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yrd/tools"
    cached = [str(p) for p in cache.glob("openbao*/**/bao") if p.is_file() and os.access(p, os.X_OK)]
    return os.environ.get("YRD_BAO") or shutil.which("bao") or (sorted(cached)[-1] if cached else None)


@dataclass
class Server:
    """A real OpenBao in a folder of its own."""

    folder: Path
    program: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.folder / "etc/openbao/tls/bootstrap.crt"

    @property
    def custody(self) -> Path:
        return self.folder / "site/custody.json"

    @property
    def deployer(self) -> Path:
        return self.folder / "site/deployer.json"

    def session(self, token: str = "") -> OpenBao:
        return OpenBao(self.url, self.ca, token)

    def prepare(self) -> None:
        """The role's own configuration and bootstrap script, moved under our folder."""
        self.configure()
        self.bootstrap()

    def configure(self, **more: object) -> None:
        text = render("openbao", "etc/openbao/openbao.hcl.j2", **self.values(), **more)
        for place in ("/etc/openbao", "/var/lib/openbao", "/var/log/openbao"):
            (self.folder / place[1:]).mkdir(parents=True, exist_ok=True)
            text = text.replace(f'"{place}', f'"{self.folder}{place}').replace(
                f"file://{place}", f"file://{self.folder}{place}"
            )
        (self.folder / "etc/openbao/openbao.hcl").write_text(text)

    def values(self) -> dict[str, object]:
        return {"openbao_address": "127.0.0.1", "openbao_node": "anhui-1", "openbao_port": self.port}

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        script = render("openbao", "usr/local/sbin/openbao-bootstrap.j2", **self.values())
        environment = {**os.environ, "OPENBAO_ROOT": str(self.folder)}
        return subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)

    def start(self) -> None:
        with (self.folder / "out").open("ab") as out:
            config = f"-config={self.folder}/etc/openbao/openbao.hcl"
            self.process = subprocess.Popen([self.program, "server", config], stdout=out, stderr=out)
        self.session().health()

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def again(self) -> None:
        """As after a power cut."""
        self.stop()
        self.start()

    def restart(self) -> None:
        """The same, and three officers bring their shares."""
        self.again()
        if self.custody.exists():
            unseal(self.url, self.ca, self.custody)
            ready(self.url, self.ca)

    def wipe(self) -> None:
        """What the machine does on NEEDS_RESET."""
        self.stop()
        shutil.rmtree(self.folder / "var/lib/openbao")
        (self.folder / "var/lib/openbao").mkdir()
        self.start()

    def reload(self) -> None:
        """Close and open the audit files, read the certificate again."""
        assert self.process
        self.process.send_signal(signal.SIGHUP)
        time.sleep(1)

    def rename_certificate(self, path: Path) -> None:
        """Another self-signed certificate for the same address."""
        subject = ["-subj", "/CN=other", "-addext", "subjectAltName=IP:127.0.0.1"]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", str(path) + ".key"]
        subprocess.run(["openssl", "req", "-x509", *key, "-out", str(path), *subject], check=True, capture_output=True)


def break_glass(server: Server) -> OpenBao:
    """A root session, and the custody file as it was before."""
    before = server.custody.read_text()
    reopen(server.url, server.ca, server.custody, server.deployer)
    token = json.loads(server.custody.read_text())["root_token"]
    server.custody.write_text(before)
    return server.session(token)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    if (found := program()) is None:
        pytest.skip("no OpenBao program (`bao`) on PATH, in YRD_BAO or in the tools' cache")
    started = Server(folder, found, ports.free_pair())
    started.prepare()
    started.start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has initialised, for tests that break it."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def configured(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Iterator[Server]:
    """Anhui's, configured; shared by the tests that only use it."""
    with running(tmp_path_factory.mktemp("anhui")) as started:
        initialise(started.url, started.ca, started.custody)
        spec = from_anywhere(secrets_spec(plan, plan.province("anhui")))
        establish(spec, started.url, started.ca, started.custody, started.deployer)
        yield started


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something to be true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


def from_anywhere(spec: SecretsSpec) -> SecretsSpec:
    """The same specification for a server on loopback."""
    return replace(
        spec, approles=tuple(replace(a, networks=("127.0.0.1/32",) if a.networks else ()) for a in spec.approles)
    )

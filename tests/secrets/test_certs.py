"""The tool that keeps a machine's certificates, against a real OpenBao."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients import keys, openbao
from clients.openbao import load
from model import access, pki
from model.derive import Plan, ProvincePlan
from model.secrets import SecretsSpec
from services.certs import ensure, held, renew
from services.certs import spec as reading
from services.certs.__main__ import main
from stacks.roles import certs as role
from stacks.secrets_custody import credentials
from tests.secrets.conftest import ROOT, Server, from_anywhere, until
from tests.secrets.relay import relay

#: The holders of these certificates do not run here, and a process of that name would be somebody else's.
RUN = """
import sys
from clients import openbao
from services.certs.__main__ import main
openbao.PATIENCE = 1.0
sys.exit(main(sys.argv[1:], tell=lambda target: None))
"""


class Machine:
    """A folder that stands for a machine: the real specifications, moved under it."""

    def __init__(self, folder: Path, server: Server, plan: Plan, site: ProvincePlan, spec: SecretsSpec) -> None:
        self.server, self.folder = server, folder
        client = openbao.connect(server.url, server.ca, load(server.deployer))
        credential = credentials(client, spec, access.certs(site.head.name))
        self.write("etc/yrd/credentials/certs.json", json.dumps(credential))
        own: Any = role.variables(plan, site, site.head)["certs_spec"]
        self.own = self.specification("certs.json", own)
        self.kubernetes = self.specification("certs-kubernetes.json", role.kubernetes_spec(site, site.head))
        self.client = client

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def specification(self, name: str, content: Any) -> Path:
        """Paths below our folder, the server's own address, and owners that exist here."""
        text = json.dumps(content).replace('"/etc/', f'"{self.folder}/etc/')
        moved = json.loads(text)
        moved["openbao"] |= {"url": self.server.url, "trust": [str(self.server.ca)]}
        for row in moved["entries"]:
            row["owner"] = ""
        return self.write(f"etc/yrd/{name}", json.dumps(moved))

    def run(self, *specs: Path, check: bool = False, place: str = "") -> subprocess.CompletedProcess[str]:
        options = [part for spec in specs or (self.own,) for part in ("--spec", str(spec))]
        options += ["--pending", str(self.folder / "pending.json"), *(["--check"] if check else [])]
        command = [sys.executable, "-c", RUN, "ensure", *options]
        environment = {"YRD_FAILPOINT": place, "PATH": os.environ["PATH"]}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def report(self, *specs: Path, check: bool = False) -> dict[str, Any]:
        done = self.run(*specs, check=check)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def pair(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"etc/yrd/tls/{name}.key", self.folder / f"etc/yrd/tls/{name}.crt"

    def whole(self, name: str) -> bool:
        key, certificate = self.pair(name)
        return keys.matches(keys.load_key(key.read_text()), keys.load_certificate(certificate.read_text()))


@pytest.fixture
def machine(tmp_path: Path, configured: Server, plan: Plan, anhui: ProvincePlan, spec: SecretsSpec) -> Machine:
    return Machine(tmp_path, configured, plan, anhui, from_anywhere(spec))


OWN = {"custody", "openbao", "exporter", "exporter-api", "signer"}


def test_it_issues_what_is_missing_and_nothing_twice(machine: Machine) -> None:
    assert set(machine.report(check=True)["issued"]) == OWN
    assert not machine.pair("signer")[0].exists()
    first = machine.report()
    assert (set(first["issued"]), first["fresh"]) == (OWN, [])
    assert stat.S_IMODE(machine.pair("signer")[0].stat().st_mode) == 0o400
    exporter = machine.pair("exporter")[1].read_text()
    assert exporter.count("BEGIN CERTIFICATE") == 2
    assert (machine.folder / "etc/yrd/tls/ca.pem").read_text() == machine.client.public("pki-root")
    second = machine.report()
    assert (second["issued"], second["authorities"], set(second["fresh"])) == ([], [], OWN)


def test_it_issues_again_what_was_spoilt(machine: Machine) -> None:
    machine.report()
    key, certificate = machine.pair("exporter")
    certificate.write_text(machine.pair("signer")[1].read_text())
    assert machine.report(check=True)["why"] == {"exporter": "not a pair"}
    machine.report()
    key.unlink()
    assert machine.report()["issued"] == ["exporter"]
    assert machine.whole("exporter")
    changed = json.loads(machine.own.read_text())
    changed["entries"] = [{**row, "dns": row["dns"][:1]} for row in changed["entries"] if row["name"] == "exporter"]
    machine.own.write_text(json.dumps(changed))
    assert machine.report()["why"] == {"exporter": "other names"}
    (machine.folder / "etc/yrd/tls/ca.pem").write_text("other")
    assert machine.report()["authorities"] == [str(machine.folder / "etc/yrd/tls/ca.pem")]


@pytest.mark.parametrize("place", ["certs-staged", "certs-moved-key", "certs-moved-cert", "certs-placed"])
def test_a_kill_leaves_a_pair_that_the_next_run_finishes(machine: Machine, place: str) -> None:
    machine.report()
    machine.pair("exporter")[1].unlink()
    assert machine.run(place=place).returncode == -signal.SIGKILL
    assert json.loads((machine.folder / "pending.json").read_text()) == ["yrd-exporter.service"]
    after = machine.report()
    assert after["issued"] == []
    assert after["reloaded"] == ["yrd-exporter.service"]
    assert machine.whole("exporter")
    assert not (machine.folder / "pending.json").exists()
    assert not list(machine.folder.rglob("*.next"))


def test_a_server_that_dies_leaves_the_old_pair(machine: Machine) -> None:
    machine.report()
    before = [path.read_text() for path in machine.pair("exporter")]
    machine.pair("signer")[1].unlink()
    machine.server.stop()
    done = machine.run()
    assert done.returncode == 3
    assert "E301" in done.stderr
    assert [path.read_text() for path in machine.pair("exporter")] == before
    assert not machine.pair("signer")[1].exists()
    machine.server.restart()
    assert machine.report()["issued"] == ["signer"]
    assert machine.whole("signer")


def test_a_server_that_is_killed_while_it_issues_leaves_no_half_pair(machine: Machine) -> None:
    """It has signed, and dies before the first byte of its answer has come."""
    machine.report()
    for file in machine.pair("signer"):
        file.unlink()
    audit = machine.server.folder / "var/log/openbao/audit-one.log"
    before = audit.stat().st_size

    def signed() -> bool:
        rows = [json.loads(line) for line in audit.read_text()[before:].splitlines()]
        return any(r["type"] == "response" and r["request"]["path"].endswith("sign/signer") for r in rows)

    with relay(machine.server, signed) as port:
        spec = machine.own.read_text()
        machine.own.write_text(spec.replace(machine.server.url, f"https://127.0.0.1:{port}"))
        done = machine.run()
        machine.own.write_text(spec)
    assert signed() and done.returncode == 3, done.stderr
    assert [file.exists() for file in machine.pair("signer")] == [False, False]
    machine.server.restart()
    assert machine.report()["issued"] == ["signer"]
    assert machine.whole("signer")
    assert not list(machine.folder.rglob("*.next"))


def test_it_signs_what_kubeadm_asks_for(machine: Machine, anhui: ProvincePlan) -> None:
    kubeadm(machine, anhui)
    first = machine.report(machine.kubernetes)
    assert len(first["issued"]) == 12
    assert {Path(p).name for p in first["authorities"]} == {"ca.crt", "front-proxy-ca.crt"}
    assert not list(machine.folder.rglob("*.csr"))
    assert not list(machine.folder.rglob("ca.key"))
    text = (machine.folder / "etc/kubernetes/admin.conf").read_text()
    admin = keys.load_certificate(embedded(text, "users", "user", "client-certificate-data"))
    assert keys.subject_of(admin).organizations == ("kubeadm:cluster-admins",)
    ca = (machine.folder / "etc/kubernetes/pki/ca.crt").read_text()
    assert embedded(text, "clusters", "cluster", "certificate-authority-data") == ca
    assert machine.report(machine.kubernetes)["issued"] == []


def test_a_bare_list_is_kubernetes(machine: Machine, anhui: ProvincePlan) -> None:
    kubeadm(machine, anhui)
    rows = json.loads(machine.kubernetes.read_text())["entries"]
    loaded = reading.load(machine.write("list.json", json.dumps(rows)))
    assert str(loaded.authorities[0].path) == "/etc/kubernetes/pki/ca.crt"
    assert len(loaded.entries) == 12


def test_renewal_keeps_kubeadms_key_and_names(machine: Machine, anhui: ProvincePlan) -> None:
    kubeadm(machine, anhui)
    machine.report(machine.kubernetes)
    folder = machine.folder / "etc/kubernetes/pki"
    key, old = (folder / "apiserver.key").read_text(), keys.load_certificate((folder / "apiserver.crt").read_text())
    later = old.not_valid_after_utc - timedelta(hours=24)
    spec = reading.load(machine.kubernetes)
    client = openbao.connect(machine.server.url, machine.server.ca, load(spec.connection.credential))
    pending = renew.Pending(machine.folder / "pending.json")
    report = ensure.ensure(spec, client, pending, later, lambda _: None)
    assert len(report.issued) == 12
    new = keys.load_certificate((folder / "apiserver.crt").read_text())
    assert (folder / "apiserver.key").read_text() == key
    assert new.serial_number != old.serial_number
    assert keys.subject_of(new) == keys.subject_of(old)
    assert report.reloaded[0] == "static-pod:kube-controller-manager", "the API server reads its files by itself"


def test_a_kubeconfig_that_kubelet_rotates_is_left_alone(machine: Machine) -> None:
    row = {"name": "kubelet.conf", "mount": "pki-kubernetes", "role": "kubelet.conf"}
    content = {"users": [{"user": {"client-certificate": "/var/lib/x.pem"}}], "clusters": [{"cluster": {}}]}
    file = machine.write("etc/kubernetes/kubelet.conf", yaml.safe_dump(content))
    entry = reading.entry({**row, "kubeconfig": str(file)})
    pem = machine.client.public("pki-kubernetes")
    assert held.why(entry, held.look(entry), pem, pem, keys.load_certificate(pem).not_valid_before_utc) == ""


def test_without_a_request_it_says_what_to_run(machine: Machine) -> None:
    done = machine.run(machine.kubernetes)
    assert done.returncode == 1
    assert "kubeadm certs generate-csr" in done.stderr


def test_a_bad_specification_names_the_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "certs.json"
    file.write_text(json.dumps([{"name": "x", "mount": "m", "role": "r", "key": "/k", "cert": "/c"}]))
    assert main(["ensure", "--spec", str(file), "--pending", str(tmp_path / "p")]) == 2
    assert "E310" in (said := capsys.readouterr().err)
    assert "x: either common_name" in said


def test_a_static_pods_process_is_ended_and_awaited() -> None:
    name = f"yrd-pod-of-test-{os.getpid()}"
    pod = f"(exec -a {name} bash -c 'trap \"exit 0\" TERM; while :; do sleep 0.1; done')"
    kubelet = subprocess.Popen(["bash", "-c", f"while :; do {pod}; done"], start_new_session=True)
    try:
        until(lambda: bool(renew.processes(name, within="")))
        before = renew.processes(name, within="")
        renew.restart_static_pod(name, within="")
        assert renew.processes(name, within="") - before
    finally:
        os.killpg(kubelet.pid, signal.SIGKILL)
        kubelet.wait()


@pytest.mark.parametrize(
    ("program", "group", "found"),
    [
        ("/usr/local/bin/kube-apiserver", "4:memory:/kubepods/burstable/pod1/c1", True),
        ("kube-apiserver", "0::/kubepods.slice/kubepods-burstable.slice/x.scope", True),
        ("/home/someone/kube-apiserver", "0::/user.slice/session-1.scope", False),
        ("/usr/local/bin/kube-scheduler", "0::/kubepods/burstable/pod1/c1", False),
    ],
)
def test_only_kubelets_own_process_is_a_static_pod(tmp_path: Path, program: str, group: str, found: bool) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42/cmdline").write_text(f"{program}\0--flag\0")
    (tmp_path / "42/cgroup").write_text(group)
    assert (renew.processes("kube-apiserver", renew.KUBELET, tmp_path) == {42}) is found


def kubeadm(machine: Machine, site: ProvincePlan) -> None:
    """Keys and requests as `kubeadm certs generate-csr` leaves them."""
    spec = reading.load(machine.kubernetes)
    roles = {r.name: r for r in pki.kubeadm_roles(site)}
    for entry in spec.entries:
        wanted, key = roles[entry.name], keys.new_key()
        subject = keys.Subject(wanted.common_names[0], wanted.organizations, wanted.dns, wanted.ips)
        assert entry.csr
        entry.csr.parent.mkdir(parents=True, exist_ok=True)
        entry.csr.write_text(keys.request(key, subject))
        if entry.key:
            entry.key.write_text(keys.key_pem(key))
        elif entry.kubeconfig:
            user = {"client-key-data": base64.b64encode(keys.key_pem(key).encode()).decode()}
            content = {"users": [{"name": "u", "user": user}], "clusters": [{"name": "c", "cluster": {"server": "s"}}]}
            entry.kubeconfig.write_text(yaml.safe_dump(content))


def embedded(text: str, many: str, one: str, field: str) -> str:
    return base64.b64decode(yaml.safe_load(text)[many][0][one][field]).decode()


def test_what_is_older_than_asked_for_is_replaced_once(machine: Machine) -> None:
    machine.report()
    first = {name: machine.pair(name)[1].read_text() for name in ("exporter", "signer")}
    mark = machine.write("certs-anew", (datetime.now(UTC) - timedelta(days=1)).isoformat())
    assert not machine.report()["issued"], "younger than that already"
    mark.write_text((datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    report = machine.report()
    assert set(report["why"].values()) == {"asked for"} and set(report["issued"]) == OWN
    assert all(machine.pair(name)[1].read_text() != text and machine.whole(name) for name, text in first.items())
    issued = keys.load_certificate(machine.pair("signer")[1].read_text()).not_valid_before_utc + held.BACKDATED
    mark.write_text((issued - timedelta(seconds=5)).isoformat())
    assert not machine.report()["issued"], "a run that goes on does not begin again"

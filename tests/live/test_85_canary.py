"""A secret that was planted in each place is found there, by its value and by its form; the environment as it is has none."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from clients import openbao, state
from model import access
from model.derive import Plan
from scan.types import PLACES, fingerprint
from stacks.providers.secrets import ca_file, deployer_file
from tests.live import support
from tests.scan.layouts import layout
from toolchain.paths import cache_root

PROVINCE, MACHINE, NAME = "anhui", "anhui-1", "canary-of-the-live-tests"
FOLDER = f"/run/{NAME}"


def test_the_environment_as_it_is_holds_no_secret_anywhere() -> None:
    done = support.yrd("scan", "secrets", "--json", code=None)
    assert done.json["findings"] == [] and done.json["errors"] == [], json.dumps(done.json, indent=1)[:6000]
    assert done.code == 0 and done.json["known"] > 50
    assert all(done.json["places"][place]["bytes"] > 1000 for place in PLACES), done.json["places"]


def state_file(text: str) -> Iterator[None]:
    """An output of a stack that somebody forgot to keep out."""
    path = state.environment(support.ENVIRONMENT) / "pulumi" / ".pulumi" / f"{NAME}.json"
    path.write_text(json.dumps({"outputs": {"x": text}}))
    yield
    path.unlink()


def release(text: str) -> Iterator[None]:
    """Helm's own record of a release to whose values somebody gave a secret."""
    chart = {"metadata": {"name": NAME, "version": "1.0.0"}, "templates": [], "files": []}
    record = {"chart": chart, "config": {"x": text}, "manifest": ""}
    twice = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    meta = {"name": f"sh.helm.release.v1.{NAME}.v1", "namespace": "data", "labels": {"owner": "helm"}}
    item = {"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "metadata": meta}
    support.kubectl(PROVINCE, "create", "-f", "-", stdin=json.dumps({**item, "data": {"release": twice}}))
    yield
    support.kubectl(PROVINCE, "-n", "data", "delete", "secret", str(meta["name"]))


def journal(text: str) -> Iterator[None]:
    """In a journal of its own, which can be taken away again."""
    say = f"printf '%s' '{text}' | systemd-cat -t {NAME}"
    options = f"--quiet --wait --collect -p LogNamespace={NAME}"
    support.inside(
        MACHINE, f"mkdir -p {FOLDER}; cat > {FOLDER}/say <<'E'\n{say}\nE\nsystemd-run {options} sh {FOLDER}/say"
    )
    support.inside(MACHINE, f"journalctl --namespace={NAME} --sync; journalctl --namespace={NAME} -q | grep -q canary")
    yield
    units = " ".join(
        f"systemd-journald{kind}@{NAME}.{end}"
        for kind, end in (("", "service"), ("", "socket"), ("-varlink", "socket"))
    )
    support.inside(MACHINE, f"systemctl stop {units}; rm -r /var/log/journal/*.{NAME}")


def pod_log(text: str) -> Iterator[None]:
    support.inside(MACHINE, f"mkdir /var/log/pods/{NAME}; cat > /var/log/pods/{NAME}/0.log <<'E'\n{text}\nE")
    yield
    support.inside(MACHINE, f"rm -r /var/log/pods/{NAME}")


def artifact(text: str) -> Iterator[None]:
    """What Ansible leaves when it is killed."""
    folder = Path(tempfile.gettempdir()) / f"yrd-ansible-{NAME}" / "artifacts"
    folder.mkdir(parents=True)
    (folder / "stdout").write_text(text)
    yield
    shutil.rmtree(folder.parent)


def _running(script: str, name: str) -> Iterator[None]:
    support.inside(MACHINE, f"mkdir -p {FOLDER}; cat > {FOLDER}/{name} <<'E'\n{script}\nE")
    support.inside(MACHINE, f"systemd-run --quiet --collect --unit={NAME}-{name} sh {FOLDER}/{name}")
    yield
    support.inside(MACHINE, f"systemctl stop {NAME}-{name}; rm {FOLDER}/{name}")


def command_line(text: str) -> Iterator[None]:
    yield from _running(f'exec sh -c "sleep 900; : {text}"', "argument")


def process_environment(text: str) -> Iterator[None]:
    yield from _running(f"K='{text}' exec sleep 900", "variable")


def image(text: str) -> Iterator[None]:
    """A layer that took a file along, as `COPY . .` does."""
    folder = cache_root() / "images" / NAME
    layout(folder, {"app/.env": text.encode()})
    yield
    shutil.rmtree(folder)


def unit(text: str) -> Iterator[None]:
    path = f"/run/systemd/system/{NAME}.service"
    support.inside(MACHINE, f"cat > {path} <<'E'\n[Service]\nExecStart=/bin/true\nEnvironment='X={text}'\nE")
    yield
    support.inside(MACHINE, f"rm {path}")


def workload(text: str) -> Iterator[None]:
    """A literal variable in a template, though no pod of it runs."""
    container = {"name": "x", "image": "registry.yrd/none", "env": [{"name": "X", "value": text}]}
    template = {"metadata": {"labels": {"app": NAME}}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": NAME}}, "template": template}
    meta = {"name": NAME, "namespace": "data"}
    item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    support.kubectl(PROVINCE, "create", "-f", "-", stdin=json.dumps(item))
    yield
    support.kubectl(PROVINCE, "-n", "data", "delete", "deployment", NAME)


#: Spot, the place that it belongs to.
SPOTS: dict[Callable[[str], Iterator[None]], str] = {
    state_file: "state",
    release: "charts",
    journal: "logs",
    pod_log: "logs",
    artifact: "logs",
    command_line: "processes",
    process_environment: "processes",
    image: "images",
    unit: "environment",
    workload: "environment",
}


def _planted(spot: Callable[[str], Iterator[None]], text: str) -> AbstractContextManager[None]:
    return contextmanager(spot)(text)


def test_a_canary_is_found_wherever_it_was_planted(tmp_path: Path) -> None:
    values = {spot: secrets.token_urlsafe(24) for spot in SPOTS}
    tokens = {spot: f"hvs.{secrets.token_urlsafe(68)}" for spot in SPOTS}
    also = tmp_path / "values"
    also.touch(mode=0o600)
    also.write_text("\n".join(values.values()))
    with ExitStack() as planted:
        for spot in SPOTS:
            planted.enter_context(_planted(spot, f"canary {values[spot]} token: {tokens[spot]}"))
        done = support.yrd("scan", "secrets", "-p", PROVINCE, "--also", str(also), "--json", code=1)
    found = {(row["place"], row["fingerprint"]) for row in done.json["findings"]}
    missed = [
        f"{spot.__name__}: {how}"
        for spot, place in SPOTS.items()
        for how, text in (("value", values[spot]), ("form", tokens[spot]))
        if (place, fingerprint(text.encode())) not in found
    ]
    assert not missed, f"{missed}\n{json.dumps(done.json['findings'], indent=1)[:4000]}"
    shown = done.out + done.err
    assert not any(text in shown for text in (*values.values(), *tokens.values())), "a report shows no value"


def test_a_canary_is_found_in_the_repository_after_it_was_taken_out(tmp_path: Path) -> None:
    clone, token = tmp_path / "clone", f"hvs.{secrets.token_urlsafe(68)}"
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")

    def git(*words: str) -> None:
        subprocess.run(["git", *who, *words], check=True, capture_output=True, cwd=clone if clone.exists() else None)

    git("clone", "-q", str(support.ROOT), str(clone))
    (clone / "notes").write_text(f"token: {token}\n")
    git("add", "notes")
    git("commit", "-qm", "with")
    git("rm", "-q", "notes")
    git("commit", "-qm", "without")
    done = support.yrd("scan", "secrets", "--place", "repository", "--json", code=1, cwd=clone)
    assert {row["fingerprint"] for row in done.json["findings"]} == {fingerprint(token.encode())}
    assert done.json["findings"][0]["where"].startswith("notes@")


@pytest.mark.parametrize("form", ["plain", "base64"])
def test_a_password_that_openbao_gives_out_is_known_by_its_own_name(plan: Plan, form: str) -> None:
    """No file tells the scan this value: it asks OpenBao."""
    site = plan.province(PROVINCE)
    client = openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site)))
    held = (client.read(access.kv_data("population-database")) or {})["data"]["password"]
    text = held if form == "plain" else base64.b64encode(f"population:{held}".encode()).decode()
    with _planted(pod_log, f"connecting with {text}"):
        done = support.yrd("scan", "secrets", "-p", PROVINCE, "--place", "logs", "--json", code=1)
    (row,) = [f for f in done.json["findings"] if NAME in f["where"] and f["form"] != "pattern"]
    assert (row["fingerprint"], row["form"]) == (fingerprint(held.encode()), form)
    assert held not in done.out + done.err

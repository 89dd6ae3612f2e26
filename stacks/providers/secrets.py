"""OpenBao of a site: initialised, configured as the model says, its root published, its machines' services equipped."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from clients import journal, keys, openbao, shell, ssh, state, wait
from model import access, custody, pki
from model.derive import MachinePlan, Plan, ProvincePlan, Site
from model.secrets import SecretsSpec, secrets_spec
from stacks import custody as handover
from stacks import secrets_apply, secrets_custody, secrets_restore
from stacks.providers.base import Props, Provider, plan_of, site_of

BOOTSTRAP = "/etc/openbao/tls/bootstrap.crt"
CREDENTIALS = "/etc/yrd/credentials"
#: AppRole to the machine user that reads its credential; the user is made here when its role has not run yet.
USERS = {
    access.KMS: "yrd-kms",
    access.SIGNER: "yrd-signer",
    access.EXPORTER: "yrd-exporter",
    access.CUSTODY: "yrd-custody",
}
#: What the server reads once, at its start.
SERVER_FILES = ("/etc/openbao/openbao.hcl", "/etc/systemd/system/openbao.service", "/opt/yrd/bin/bao")


#: Key in `live` beside the credentials' digests.
SERVER = "server"


class SecretsProvider(Provider):
    """Inputs: environment, site, `spec` = digest of the specification, `server` = digest of what its role writes."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:openbao"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan = plan_of(props)
        site = site_of(plan, str(props["site"]))
        spec = secrets_spec(plan, site)
        client = openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site)))
        actions = secrets_apply.decide(spec, secrets_apply.look(client, spec))
        drift = [f"OpenBao {a.verb} {a.path} {', '.join(a.differs)}".strip() for a in actions]
        live = _held(plan, site, spec)
        left = dict(props.get("live") or {})
        drift += [
            f"credential {name} on a machine is not the one that was handed out"
            for name in sorted(live)
            if live[name] != left.get(name)
        ]
        if left.get(SERVER) and left[SERVER] != _server(plan, site):
            drift.append("OpenBao runs with other files than it was started with")
        if not _published(plan, site, client):
            drift.append("the site's roots are not published")
        return left or live, drift

    def do(self, props: Props, old: Props | None) -> Any:
        plan = plan_of(props)
        site = site_of(plan, str(props["site"]))
        spec = secrets_spec(plan, site)
        before = dict((old or {}).get("live") or {})
        _initialise(plan, site)
        running = _restarted(plan, site, str(before.pop(SERVER, "")))
        for action in secrets_custody.establish(
            spec, site.openbao_url, ca_file(plan, site), custody_file(plan, site), deployer_file(plan, site)
        ):
            journal.note("openbao", site=site.name, verb=action.verb, path=action.path)
        client = openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site)))
        state.write_atomic(state.root_certificate(plan.environment.name, site.name), client.anchors(pki.ROOT), 0o644)
        if isinstance(site, ProvincePlan):
            handover.publish_key(plan, site, client)
        return {**_equip(plan, site, spec, client, before), SERVER: running}


def spec_digest(plan: Plan, site: Site) -> str:
    return hashlib.sha256(repr(secrets_spec(plan, site)).encode()).hexdigest()[:16]


def custody_file(plan: Plan, site: Site) -> Path:
    return state.site(plan.environment.name, site.name) / "custody.json"


def deployer_file(plan: Plan, site: Site) -> Path:
    return state.site(plan.environment.name, site.name) / "deployer.json"


def ca_file(plan: Plan, site: Site) -> Path:
    """What this host trusts an OpenBao by: the site's root, and until there is one the certificate that SSH vouches for."""
    root = state.root_certificate(plan.environment.name, site.name)
    bundle = state.site(plan.environment.name, site.name) / "openbao-ca.pem"
    roots = root.read_text() if root.exists() else ""
    held = bundle.read_text() if bundle.exists() else ""
    if not held or not root.exists():
        link = ssh.connect(plan.environment.name, site, site.head)
        held = link.run(("" if link.user == "root" else "sudo -n ") + f"cat {BOOTSTRAP}")
    # The bootstrap certificate is the first; a root that was rotated away does not stay behind it.
    wanted = keys.pem(keys.load_certificate(held)) + roots
    if not bundle.exists() or bundle.read_text() != wanted:
        state.write_atomic(bundle, wanted)
    return bundle


def _published(plan: Plan, site: Site, client: openbao.OpenBao) -> bool:
    env, province = plan.environment.name, isinstance(site, ProvincePlan)
    root = state.root_certificate(env, site.name)
    published = root.exists() and root.read_text() == client.anchors(pki.ROOT)
    return published and (not province or handover.keeper_key(env, site.name).exists())


def _server(plan: Plan, site: Site) -> str:
    """Digest of what the server reads at its start."""
    link = ssh.connect(plan.environment.name, site, site.head)
    said = link.run("sha256sum " + " ".join(SERVER_FILES))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _restarted(plan: Plan, site: Site, running: str) -> str:
    """Start the server anew where its files are others than it runs with, one site at a time: neighbours must be open to
    open it. Returns the digest of what it runs with now.
    """
    now = _server(plan, site)
    if not running or now == running:
        return now
    with state.turn(plan.environment.name, "openbao"):
        journal.note("task", site=site.name, task="restart OpenBao; its neighbours open it")
        ssh.connect(plan.environment.name, site, site.head).run("systemctl restart openbao.service")
        opened(plan, site)
    return now


def opened(plan: Plan, site: Site, seconds: float = 30) -> None:
    """Wait for the neighbours; then bring what lies here. Raises SealedError when that is too little."""
    url, ca = site.openbao_url, ca_file(plan, site)
    try:
        openbao.ready(url, ca, seconds)
    except openbao.SealedError:
        if not secrets_custody.can_unseal(custody_file(plan, site)):
            raise
        secrets_custody.unseal(url, ca, custody_file(plan, site))
        journal.note("repair", site=site.name, object="OpenBao, opened with the officers' shares that lie here")
        openbao.ready(url, ca)


def _initialise(plan: Plan, site: Site) -> None:
    """Initialise; where a killed run left an initialised, empty server whose keys nobody holds, begin again with an empty one."""
    url = site.openbao_url
    if deployer_file(plan, site).exists() and not secrets_restore.initialised(plan, site):
        _begin_again(plan, site)
    wait.until(f"{site.name}'s OpenBao", lambda: _answers(plan, site), seconds=60, fix=f"yrd logs {site.name} openbao")
    keepers = tuple(k.name for k in custody.keepers(plan, site))
    outcome = secrets_custody.initialise(url, ca_file(plan, site), custody_file(plan, site), keepers=keepers)
    if outcome is secrets_custody.Outcome.NEEDS_RESET:
        journal.note("repair", site=site.name, object="OpenBao, initialised by a killed run and empty")
        link = ssh.connect(plan.environment.name, site, site.head)
        link.run("systemctl stop openbao && find /var/lib/openbao -mindepth 1 -delete && systemctl start openbao")
        wait.until(f"{site.name}'s OpenBao", lambda: _answers(plan, site), seconds=60)
        secrets_custody.initialise(url, ca_file(plan, site), custody_file(plan, site), keepers=keepers)


def _begin_again(plan: Plan, site: Site) -> None:
    """An empty server where there was a configured one: a machine was destroyed."""
    if isinstance(site, ProvincePlan):
        secrets_restore.restore(plan, site, ca_file(plan, site))
        return
    # Nobody's data is in the hub: it gets new authorities, and the provinces take its new root as they took the first.
    for path in (
        deployer_file(plan, site),
        custody_file(plan, site),
        state.root_certificate(plan.environment.name, site.name),
    ):
        path.unlink(missing_ok=True)
    (state.site(plan.environment.name, site.name) / "openbao-ca.pem").unlink(missing_ok=True)


def _answers(plan: Plan, site: Site) -> bool:
    try:
        openbao.health(site.openbao_url, ca_file(plan, site))
    except (openbao.UnavailableError, shell.CommandError):
        return False
    return True


def _services(site: Site, spec: SecretsSpec) -> list[tuple[MachinePlan, str, str, str]]:
    """(machine, file, AppRole, owner) of every credential that a machine holds."""
    found = []
    names = {a.name for a in spec.approles}
    for machine in site.machines:
        if access.certs(machine.name) in names:
            found.append((machine, f"{CREDENTIALS}/certs.json", access.certs(machine.name), "root"))
        for service, user in USERS.items():
            if service in names and machine.role == "control-plane":
                found.append((machine, f"{CREDENTIALS}/{service}.json", service, user))
    return found


def _held(plan: Plan, site: Site, spec: SecretsSpec) -> dict[str, str]:
    """Digest of each credential as it lies on its machine; the value itself is never read."""
    found: dict[str, str] = {}
    for machine in site.machines:
        link = ssh.connect(plan.environment.name, site, machine)
        files = [(f, s) for m, f, s, _ in _services(site, spec) if m == machine]
        said = (
            link.run("sha256sum " + " ".join(shlex.quote(f) for f, _ in files) + " 2>/dev/null; true") if files else ""
        )
        digests = {line.split()[1]: line.split()[0][:16] for line in said.splitlines() if len(line.split()) == 2}
        found |= {f"{machine.name}/{service}": digests.get(file, "absent") for file, service in files}
    return found


def _equip(plan: Plan, site: Site, spec: SecretsSpec, client: openbao.OpenBao, left: dict[str, str]) -> dict[str, str]:
    """Hand out a credential wherever there is none, or another one than we left."""
    live = _held(plan, site, spec)
    for machine, file, service, user in _services(site, spec):
        name = f"{machine.name}/{service}"
        if live[name] == "absent" or (left and live[name] != left.get(name)):
            link = ssh.connect(plan.environment.name, site, machine)
            if user != "root":
                link.run(
                    f"getent passwd {user} >/dev/null || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}"
                )
            text = json.dumps(secrets_custody.credentials(client, spec, service, machine.name))
            link.run(f"install -d -m 0711 {CREDENTIALS}")
            link.write(file, text + "\n", owner=f"{user}:{user}", mode="0400")
    return _held(plan, site, spec)

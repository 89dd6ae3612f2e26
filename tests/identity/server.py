"""A real Keycloak on a private PostgreSQL in a folder: the role's own script and configuration, moved under that folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from clients import keycloak, ports, wait
from clients.templates import render
from model import realms
from model.accounts import Account, accounts
from model.derive import Plan, derive
from model.identity import BROKER, DEPLOYER, EXCHANGE, pages
from model.load import find_root, load
from model.realm_clients import ACCOUNTS
from stacks import identity_accounts, identity_apply, identity_keys
from toolchain.install import entry_of

ROOT = find_root()
ROLE = ROOT / "roles" / "identity"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def plan_at(port: int) -> Plan:
    """The repository's region, with every realm on this host's loopback."""
    world = load(ROOT, NOW)
    ports = world.region.ports.model_copy(update={"identity": port})
    world = world.model_copy(update={"region": world.region.model_copy(update={"ports": ports})})
    found = derive(world, "local", NOW)
    hosts = dict.fromkeys((BROKER, *world.region.members), "127.0.0.1")
    identity = found.environment.identity.model_copy(update={"hosts": hosts})
    return replace(found, environment=found.environment.model_copy(update={"identity": identity}))


@dataclass
class Server:
    """The database and the server, their folder, and what the owners of accounts and clients know."""

    folder: Path
    port: int
    health: int
    database: int
    plan: Plan
    secrets: dict[str, Mapping[str, str]] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.folder / "server.crt"

    def issuer(self, realm: str) -> str:
        return f"{self.url}/realms/{realm}"

    def start(self) -> None:
        self._database()
        self._files()
        self._script("prepare")
        self.run()

    def run(self) -> None:
        with (self.folder / "out").open("ab") as out:
            command = ["sh", "-c", self._text(), "sh", "start"]
            self.process = subprocess.Popen(command, env=self._environment(), stdout=out, stderr=out)
        wait.until("Keycloak", self._up, seconds=keycloak.PATIENCE)

    def _up(self) -> bool:
        assert self.process and self.process.poll() is None, (self.folder / "out").read_text()[-3000:]
        return keycloak.serves(self.url, self.ca)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        self.stop()
        self._postgres("stop", "-m", "immediate")

    def _database(self) -> None:
        data = self.folder / "pg"
        data.mkdir()
        for path in (self.folder, data):
            shutil.chown(path, "postgres")
        self.folder.chmod(0o755)
        initdb = ["initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-D", str(data)]
        subprocess.run(["runuser", "-u", "postgres", "--", *initdb], check=True, capture_output=True)
        # The role's own rule: this user by this socket without a password, all else with one.
        (data / "pg_hba.conf").write_text("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        options = f"-p {self.database} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._postgres("start", "-w", "-l", str(data / "log"), "-o", options)

    def _postgres(self, *words: str) -> None:
        command = ["runuser", "-u", "postgres", "--", "pg_ctl", "-D", str(self.folder / "pg"), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _files(self) -> None:
        for place in ("etc/keycloak", "run/keycloak", "var/lib/keycloak/tmp"):
            (self.folder / place).mkdir(parents=True)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", self.folder / "server.key"]
        name = ["-subj", "/CN=keycloak", "-addext", "subjectAltName=IP:127.0.0.1", "-out", self.ca]
        subprocess.run(["openssl", "req", "-x509", *key, *name], check=True, capture_output=True)
        (self.folder / "etc/keycloak/keycloak.conf").write_text(
            render("identity", "etc/keycloak/keycloak.conf.j2", **self._values())
        )

    def _values(self) -> dict[str, object]:
        return {
            "identity_address": "127.0.0.1",
            "identity_port": self.port,
            "identity_health_port": self.health,
            "identity_database_port": self.database,
            "identity_certificate": self.ca,
            "identity_key": self.folder / "server.key",
            "identity_trust": [str(self.ca)],
            "identity_program": entry_of("keycloak") / "keycloak",
            "identity_themes": ROLE / "files/themes",
        }

    def _environment(self) -> dict[str, str]:
        sql = f"psql -h {self.folder}/pg -p {self.database} -U postgres -d postgres"
        return {**os.environ, "KEYCLOAK_ROOT": str(self.folder), "KEYCLOAK_SQL": sql}

    def _text(self) -> str:
        return render("identity", "usr/local/sbin/yrd-keycloak.j2", **self._values())

    def _script(self, verb: str) -> None:
        subprocess.run(["sh", "-c", self._text(), "sh", verb], env=self._environment(), check=True, capture_output=True)

    def bootstrap(self) -> keycloak.Keycloak:
        """A session of the client that a new server begins with."""
        value = (self.folder / "etc/keycloak/bootstrap.secret").read_text()
        return keycloak.Keycloak(self.url, self.ca, keycloak.Secret("yrd-bootstrap", value))

    def signer(self, client: str, realm: str) -> keycloak.Signer:
        return identity_keys.signer(self.folder / f"{realm}-{client}.pem", client, realm)

    def master(self) -> keycloak.Signer:
        return self.signer(DEPLOYER, keycloak.MASTER)

    def deployer(self) -> keycloak.Keycloak:
        return keycloak.Keycloak(self.url, self.ca, self.master())

    def keys(self) -> dict[tuple[str, str], str]:
        owners = [(p.name, c) for p in self.plan.provinces for c in (EXCHANGE, ACCOUNTS)]
        owners += [(BROKER, page.client) for page in pages(self.plan)]
        return {(r, c): json.dumps(identity_keys.jwks(self.signer(c, r))) for r, c in owners}

    def configure(self) -> int:
        """All realms and accounts; how many steps it took."""
        server, done = self.deployer(), 0
        for name in (BROKER, *(p.name for p in self.plan.provinces)):
            done += identity_apply.establish(server, realms.realm_spec(self.plan, name, self.keys()))
        for province in self.plan.provinces:
            own = keycloak.Keycloak(self.url, self.ca, self.signer(ACCOUNTS, province.name))
            wanted = accounts(self.plan, province, NOW)
            otp = realms.settings_of(self.plan).otp
            done += len(identity_accounts.establish(own, province.name, wanted, self.vault, otp))
        return done

    def password(self, name: str) -> str:
        return self.secrets[name]["password"]

    def factor(self, name: str) -> str:
        return self.secrets[name].get("totp", "")

    def vault(self, account: Account) -> Mapping[str, str]:
        return self.secrets.setdefault(account.name, identity_accounts.new_secret(account))


def started(folder: Path) -> Server:
    """Running, with our deployer in place of the client that it began with, and nothing else."""
    port = ports.free()
    server = Server(folder, port, ports.free(), ports.free(), plan_at(port))
    begun = time.monotonic()
    server.start()
    (folder / "seconds").write_text(f"{time.monotonic() - begun:.1f}")
    return server

"""The identity centre: a Keycloak that is ours alone, realms as the model says, accounts whose passwords their province keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clients import journal, keycloak, openbao, ssh, state, wait
from model import access, identity, realms
from model.accounts import Account, accounts
from model.derive import Plan, ProvincePlan, Site
from model.people import Administrator, LegalPerson, Person
from model.realm_clients import ACCOUNTS
from stacks import exchange_tokens, identity_accounts, identity_apply, identity_keys, identity_master
from stacks.identity_decide import decide
from stacks.identity_look import look
from stacks.providers.base import Props, Provider, plan_of, site_of
from stacks.providers.secrets import ca_file, deployer_file
from stacks.providers.shared import PATIENCE, in_this_run, root_of

#: On the machine: what a new server begins with, and the portal's own secret.
BOOTSTRAP, PORTAL_SECRET = "/etc/keycloak/bootstrap.secret", "/etc/yrd/login/client"


class IdentityServerProvider(Provider):
    """A site's Keycloak: it answers, and our deployer is its only administrator. Inputs: environment, site."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:identity"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan, site = _site(props)
        session = deployer_session(plan, site)
        spec = identity_master.spec(plan, _signer(plan, site))
        found = look(session, spec)
        drift = [str(a) for a in decide(spec, found)] if found else ["absent"]
        if session.get(f"/{keycloak.MASTER}/clients", clientId=identity_master.BOOTSTRAP):
            drift.append("the client that the server began with is still there")
        return {}, drift

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan, site = _site(props)
        keycloak.ready(_url(plan, site), state.root_certificate(plan.environment.name, site.name))
        deployer, spec = deployer_session(plan, site), identity_master.spec(plan, _signer(plan, site))
        link = ssh.connect(plan.environment.name, site, site.head)
        try:
            deployer.login()
            first = deployer
        except keycloak.DeniedError:
            value = link.run(f"cat {BOOTSTRAP}")
            secret = keycloak.Secret(identity_master.BOOTSTRAP, value.strip())
            first = keycloak.Keycloak(deployer.url, _root(plan, site), secret)
        identity_master.take_over(first, deployer, spec, lambda a: _tell(site.name, str(a)))
        link.run(f"rm -f {BOOTSTRAP}")
        return {}


class RealmProvider(Provider):
    """One realm. Inputs: environment, site, realm, `spec` = digest of what it is to be."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['realm']}:realm"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan, site = _site(props)
        session, name = deployer_session(plan, site), str(props["realm"])
        spec = realms.realm_spec(plan, name, _keys(plan))
        found = look(session, spec)
        drift = [f"realm {name}: {a}" for a in decide(spec, found)] if found else [f"realm {name} is absent"]
        if found and name == identity.BROKER and _portal_differs(plan, session):
            drift.append("the portal's secret is another")
        if found and exchange_tokens.current(plan, name) != exchange_tokens.published(plan, name):
            drift.append(f"the keys of realm {name} are not those that are published")
        return {}, drift

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan, site = _site(props)
        session, name = deployer_session(plan, site), str(props["realm"])
        for what, place in _places(plan, name):
            if in_this_run(what):
                wait.until(f"{what}'s {place.name}", place.exists, seconds=PATIENCE)
            elif not place.exists():
                journal.note("pending", site=site.name, what=f"{what} has not published {place.name} yet")
        spec = realms.realm_spec(plan, name, _keys(plan))
        identity_apply.establish(session, spec, lambda a: _tell(site.name, f"{name}: {a}"))
        if name == identity.BROKER:
            _bring_portal_secret(plan, session)
        exchange_tokens.publish(plan, name)
        return {}


class AccountsKeyProvider(Provider):
    """A province's key to its own accounts: made here, its public half published. Inputs: environment, site."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:accounts-key"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        env, site = str(props["environment"]), str(props["site"])
        place, made = _published(env, site), _accounts_key(env, site)
        same = made.exists() and place.exists() and place.read_text() == _public(env, site)
        return {}, [] if same else ["the key to the accounts is not published"]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        env, site = str(props["environment"]), str(props["site"])
        state.write_atomic(_published(env, site), _public(env, site), 0o644)
        return {}


class AccountsProvider(Provider):
    """A province's accounts in its realm. Inputs: environment, site, `people` = digest of who they are."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:accounts"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan = plan_of(props)
        province = plan.province(str(props["site"]))
        wanted = accounts(plan, province, datetime.now(UTC))
        found = identity_accounts.look(_own(plan, province), province.name, wanted)
        return {}, [f"account {s.account}: {s.what}" for s in identity_accounts.decide(wanted, found)]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan = plan_of(props)
        province = plan.province(str(props["site"]))
        where = identity.realm(plan, province.name).site.name
        if not root_of(plan, where) or not _served(plan, province, where):
            journal.note("pending", site=province.name, what="its realm does not know its accounts yet")
            return {}
        bao = openbao.connect(
            province.openbao_url, ca_file(plan, province), openbao.load(deployer_file(plan, province))
        )
        wanted = accounts(plan, province, datetime.now(UTC))
        otp = realms.settings_of(plan).otp
        steps = identity_accounts.establish(
            _own(plan, province), province.name, wanted, lambda a: first_secret(bao, a), otp
        )
        for step in steps:
            _tell(province.name, f"account {step.account}: {step.what}")
        return {}


def spec_digest(plan: Plan, realm: str) -> str:
    """Of what the model says; published keys are looked at, since they come later than a preview."""
    text = json.dumps(asdict(realms.realm_spec(plan, realm, {})), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def people_digest(plan: Plan, province: ProvincePlan) -> str:
    rows: tuple[Administrator | Person | LegalPerson, ...] = plan.world.administrators
    rows += (*plan.world.people, *plan.world.legal_persons)
    text = repr([p for p in rows if p.province == province.name]) + repr(plan.environment.identity.samples)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def first_secret(bao: openbao.OpenBao, account: Account) -> Mapping[str, str]:
    """What the province's store keeps of somebody; made where there is nothing yet, and never made twice."""
    path = access.first_password(account.name)
    if (held := bao.read(path)) and held.get("data"):
        return {name: str(value) for name, value in held["data"].items()}
    made = identity_accounts.new_secret(account)
    bao.write(path, {"data": made, "options": {"cas": 0}})
    return made


def _site(props: Props) -> tuple[Plan, Site]:
    plan = plan_of(props)
    return plan, site_of(plan, str(props["site"]))


def _url(plan: Plan, site: Site) -> str:
    return f"https://{site.head.address}:{plan.world.region.ports.identity}"


def _root(plan: Plan, site: Site) -> Path:
    return state.root_certificate(plan.environment.name, site.name)


def _signer(plan: Plan, site: Site) -> keycloak.Signer:
    path = state.site(plan.environment.name, site.name) / "identity-deployer.pem"
    return identity_keys.signer(path, identity.DEPLOYER)


def deployer_session(plan: Plan, site: Site) -> keycloak.Keycloak:
    return keycloak.Keycloak(_url(plan, site), _root(plan, site), _signer(plan, site))


def _own(plan: Plan, province: ProvincePlan) -> keycloak.Keycloak:
    site = identity.realm(plan, province.name).site
    key = _accounts_key(plan.environment.name, province.name)
    return keycloak.Keycloak(_url(plan, site), _root(plan, site), identity_keys.signer(key, ACCOUNTS, province.name))


def _served(plan: Plan, province: ProvincePlan, where: str) -> bool:
    """Whether the realm takes the province's own key; waits while the realm is being built beside us."""
    session = _own(plan, province)

    def answers() -> bool:
        try:
            session.login()
        except (keycloak.DeniedError, keycloak.KeycloakError, keycloak.UnavailableError):
            return False
        return True

    if in_this_run("region" if where == plan.hub.name else where):
        wait.until(f"the realm of {province.name}", answers, seconds=PATIENCE, every=2.0, fix="yrd up -p region")
    return answers()


def _accounts_key(env: str, province: str) -> Path:
    return state.site(env, province) / "accounts.pem"


def _published(env: str, province: str) -> Path:
    return state.page_client_jwks(env, province, ACCOUNTS)


def _public(env: str, province: str) -> str:
    return json.dumps(identity_keys.jwks(identity_keys.signer(_accounts_key(env, province), ACCOUNTS)), sort_keys=True)


def _places(plan: Plan, realm: str) -> tuple[tuple[str, Path], ...]:
    """(province, file) of the public keys that a realm's clients prove themselves by."""
    env = plan.environment.name
    if realm == identity.BROKER:
        return tuple((p.province, state.page_client_jwks(env, p.province, p.client)) for p in identity.pages(plan))
    return (realm, state.exchange_client_jwks(env, realm)), (realm, _published(env, realm))


def _keys(plan: Plan) -> dict[tuple[str, str], str]:
    """What has been published so far."""
    env, found = plan.environment.name, {}
    for province in plan.provinces:
        found[province.name, identity.EXCHANGE] = state.exchange_client_jwks(env, province.name)
        found[province.name, ACCOUNTS] = _published(env, province.name)
    for page in identity.pages(plan):
        found[identity.BROKER, page.client] = state.page_client_jwks(env, page.province, page.client)
    return {who: place.read_text() for who, place in found.items() if place.exists()}


def _portal(plan: Plan, session: keycloak.Keycloak) -> tuple[str, str, str]:
    """(id of the client, its secret at the broker, its secret on the hub); the last is empty before there is a login."""
    client = session.get(f"/{identity.BROKER}/clients", clientId=identity.PORTAL)[0]["id"]
    known = session.get(f"/{identity.BROKER}/clients/{client}/client-secret") or {}
    link = ssh.connect(plan.environment.name, plan.hub, plan.hub.head)
    return str(client), str(known.get("value", "")), link.run(f"cat {PORTAL_SECRET} 2>/dev/null; true").strip()


def _portal_differs(plan: Plan, session: keycloak.Keycloak) -> bool:
    _, known, held = _portal(plan, session)
    return bool(held) and known != held


def _bring_portal_secret(plan: Plan, session: keycloak.Keycloak) -> None:
    client, known, held = _portal(plan, session)
    if held and known != held:
        rep = session.get(f"/{identity.BROKER}/clients/{client}")
        session.put(f"/{identity.BROKER}/clients/{client}", {**rep, "secret": held})


def _tell(site: str, what: str) -> None:
    journal.note("task", site=site, task=f"identity: {what}"[:160])

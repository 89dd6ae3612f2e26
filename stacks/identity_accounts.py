"""Accounts of a realm: looked at, judged against the model, made so. Passwords come from the province's own OpenBao."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clients.keycloak import Keycloak, part
from model.accounts import Account
from model.identity import POWERS, ROLES
from model.people import OneTimePassword

Rep = dict[str, Any]
#: Kept secret of one person by name; made at the first call.
Vault = Callable[[Account], Mapping[str, str]]


@dataclass(frozen=True)
class Live:
    """Accounts as they are, without those of services; roles by account, restricted to ours."""

    users: dict[str, Rep]
    roles: dict[str, frozenset[str]]
    factors: dict[str, frozenset[str]]


@dataclass(frozen=True)
class Step:
    """What is not as it should be with one account."""

    account: str
    what: str


def look(server: Keycloak, realm: str, wanted: tuple[Account, ...]) -> Live:
    base = f"/{part(realm)}"
    roles: dict[str, set[str]] = {}
    for role in ROLES:
        for user in server.get(f"{base}/roles/{part(role)}/users", max=100_000) or ():
            roles.setdefault(user["username"], set()).add(role)
    users, factors = {}, {}
    for account in wanted:
        found = server.get(f"{base}/users", username=account.name, exact=True, briefRepresentation=False)
        if found:
            users[account.name] = found[0]
            held = server.get(f"{base}/users/{found[0]['id']}/credentials")
            factors[account.name] = frozenset(str(c["type"]) for c in held)
    return Live(users, {n: frozenset(r) for n, r in roles.items()}, factors)


def decide(wanted: tuple[Account, ...], live: Live) -> tuple[Step, ...]:
    """Pure. A power that somebody gave by hand is taken back: two administrators who know each other are no separation."""
    found = [Step(a.name, what) for a in wanted for what in _faults(a, live)]
    listed = {a.name for a in wanted}
    found += [
        Step(name, f"holds {role}")
        for name, roles in sorted(live.roles.items())
        if name not in listed
        for role in sorted(roles & set(POWERS))
    ]
    return tuple(found)


def _faults(account: Account, live: Live) -> list[str]:
    user = live.users.get(account.name)
    if user is None:
        return ["absent"]
    have = {k: v[0] for k, v in user.get("attributes", {}).items() if k != "locale" and v}
    found = [] if have == account.attributes else ["attributes"]
    found += [] if user.get("firstName") == account.title and user.get("enabled") else ["account"]
    found += [] if live.roles.get(account.name, frozenset()) == {account.role} else ["role"]
    held = live.factors.get(account.name, frozenset())
    found += [] if "password" in held else ["password"]
    found += ["second factor"] if account.sample_factor and "otp" not in held else []
    return found


def establish(
    server: Keycloak, realm: str, wanted: tuple[Account, ...], vault: Vault, otp: OneTimePassword
) -> tuple[Step, ...]:
    """The steps that were taken."""
    live = look(server, realm, wanted)
    steps, base = decide(wanted, live), f"/{part(realm)}"
    known = {a.name: a for a in wanted}
    for name in dict.fromkeys(s.account for s in steps):
        whats = {s.what for s in steps if s.account == name}
        if name in known:
            _make(server, base, known[name], live, whats, vault, otp)
        else:
            user = server.get(f"{base}/users", username=name, exact=True)[0]
            _grant(server, base, user["id"], frozenset(), live.roles[name] & set(POWERS))
    return steps


def _make(
    server: Keycloak, base: str, account: Account, live: Live, whats: set[str], vault: Vault, otp: OneTimePassword
) -> None:
    body = {
        "username": account.name,
        "firstName": account.title,
        "enabled": True,
        "attributes": {k: [v] for k, v in account.attributes.items()},
    }
    user = live.users.get(account.name)
    if user and "second factor" in whats:
        # Only a new account takes a second factor that was made elsewhere; made-up people lose nothing by it.
        server.delete(f"{base}/users/{user['id']}")
        user = None
    if user is None:
        made = {**body, "credentials": _credentials(account, vault(account), otp), "requiredActions": _first(account)}
        id_ = server.post(f"{base}/users", made)
        have: frozenset[str] = frozenset()
    else:
        id_, have = str(user["id"]), live.roles.get(account.name, frozenset())
        if whats & {"attributes", "account"}:
            server.put(f"{base}/users/{id_}", {**user, **body})
        if "password" in whats:
            fresh = {"type": "password", "value": vault(account)["password"], "temporary": account.temporary}
            server.put(f"{base}/users/{id_}/reset-password", fresh)
    _grant(server, base, id_, frozenset({account.role}), have)


def _first(account: Account) -> list[str]:
    """What an administrator does at the first login."""
    return ["CONFIGURE_TOTP"] if account.temporary and account.role in POWERS else []


def _credentials(account: Account, held: Mapping[str, str], otp: OneTimePassword) -> list[Rep]:
    found: list[Rep] = [{"type": "password", "value": held["password"], "temporary": account.temporary}]
    if account.sample_factor:
        kind = {"subType": "totp", "digits": otp.digits, "counter": 0, "period": otp.period, "algorithm": "HmacSHA1"}
        secret = {"value": held["totp"]}
        found.append({"type": "otp", "secretData": json.dumps(secret), "credentialData": json.dumps(kind)})
    return found


def _grant(server: Keycloak, base: str, user: str, wanted: frozenset[str], have: frozenset[str]) -> None:
    path = f"{base}/users/{user}/role-mappings/realm"
    # Taken first: at no moment does one person have two powers.
    if gone := have - wanted:
        server.delete(path, [server.get(f"{base}/roles/{part(n)}") for n in sorted(gone)])
    if new := wanted - have:
        server.post(path, [server.get(f"{base}/roles/{part(n)}") for n in sorted(new)])


def new_secret(account: Account) -> dict[str, str]:
    """A first password that the realms' policy takes, and for made-up people the seed of a second factor."""
    password = f"{secrets.token_urlsafe(18)}Aa1"
    return {"password": password} | ({"totp": secrets.token_hex(10)} if account.sample_factor else {})


def authenticator(seed: str) -> str:
    """The seed as an authenticator takes it: Keycloak keeps the bytes of the text, apps want Base32."""
    return base64.b32encode(seed.encode()).decode()

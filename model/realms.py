"""The plan to the desired representation of each realm, in the words of Keycloak's admin API. Pure, and without a secret."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from model import flows, realm_clients, realm_mappers
from model.authority import realm_management
from model.checks.identity import COMMON
from model.derive import Plan
from model.identity import BROKER, CLI, LEVELS, ROLES, Realm, realm
from model.people import RealmSettings

Rep = dict[str, Any]
#: Realm that Keycloak begins with: its own administration. No person has an account in it.
MASTER = "master"
#: Of the theme that pages are shown in, and languages; the first is what nobody has to ask for.
THEME, LOCALES = "yrd", ("zh-CN", "en")
#: What an account may be asked to do in a home realm: set up a second factor, change the first password.
ACTIONS = ("CONFIGURE_TOTP", "UPDATE_PASSWORD", "webauthn-register")
MANAGEMENT = realm_mappers.MANAGEMENT


@dataclass(frozen=True)
class RealmSpec:
    """Everything of one realm that is ours to say. What Keycloak adds to it (ids, defaults) is not compared."""

    name: str
    settings: Rep
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Realm roles, each with the roles inside it, which come before it."""
    scopes: dict[str, Rep] = field(default_factory=dict)
    clients: dict[str, Rep] = field(default_factory=dict)
    flows: tuple[flows.Flow, ...] = ()
    providers: dict[str, Rep] = field(default_factory=dict)
    mappers: dict[str, dict[str, Rep]] = field(default_factory=dict)
    """Mappers of identity providers, by provider and name."""
    visible: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Realm roles that stand in tokens, by client scope or client."""
    actions: tuple[str, ...] = ()
    """Required actions that are offered; all others are off."""
    profile: Rep = field(default_factory=dict)
    services: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What service accounts may do: roles of Keycloak's `realm-management`."""
    rights: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What a realm role may do with the realm itself: roles of `realm-management` inside it."""
    reach: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Which of these a person may use through a client."""
    lists_strangers: bool = True
    """Whether what is not listed is taken away; Keycloak's own realm keeps what it made."""


def settings_of(plan: Plan) -> RealmSettings:
    return {r.name: r for r in plan.world.realms}[COMMON]


def realm_spec(plan: Plan, name: str, keys: realm_clients.Keys) -> RealmSpec:
    """One realm; `keys` are public keys of clients, absent until their owner has published them."""
    where = realm(plan, name)
    return _broker(plan, where, keys) if name == BROKER else _home(plan, where, keys)


def _home(plan: Plan, where: Realm, keys: realm_clients.Keys) -> RealmSpec:
    settings, rights = settings_of(plan), {role: realm_management(role) for role in ROLES}
    return RealmSpec(
        name=where.name,
        settings=_settings(plan, where, settings),
        roles=dict.fromkeys(ROLES, ()),
        scopes=realm_clients.home_scopes(plan, where),
        clients=realm_clients.home_clients(plan, where, keys) | _closed(),
        flows=(flows.home(settings),),
        visible={realm_clients.PERSON: ROLES, realm_clients.TO_BROKER: ROLES},
        actions=ACTIONS,
        profile=_PROFILE,
        rights=rights,
        reach={CLI: tuple(sorted({right for held in rights.values() for right in held}))},
        services={realm_clients.ACCOUNTS: ("manage-users", "query-users", "view-realm", "view-users")},
    )


def _broker(plan: Plan, where: Realm, keys: realm_clients.Keys) -> RealmSpec:
    rep = _settings(plan, where, settings_of(plan)) | {"requiredCredentials": []}
    return RealmSpec(
        name=where.name,
        settings=rep,
        scopes=realm_clients.broker_scopes(),
        clients=realm_clients.broker_clients(plan, where, keys) | _closed(),
        flows=(flows.broker(), flows.first_login()),
        providers=realm_clients.providers(plan),
        mappers={p.name: realm_clients.provider_mappers(p.name) for p in plan.provinces},
        profile=_PROFILE,
    )


def master_spec(plan: Plan, deployer: Rep) -> RealmSpec:
    """Keycloak's own realm: only our deployer comes in, with a key of its own; `deployer` is its public half."""
    settings = settings_of(plan)
    return RealmSpec(
        name=MASTER,
        settings={"sslRequired": "all", **_strict(settings), **_events(settings)},
        clients={realm_clients.DEPLOYER: realm_clients.signed(deployer) | realm_clients.SERVICE, **_closed()},
        services={realm_clients.DEPLOYER: ("admin",)},
        lists_strangers=False,
    )


def _closed() -> dict[str, Rep]:
    """Keycloak's own clients by which people with a password could administer: nobody does (docs/adr/0006-identity.md)."""
    return {name: {"enabled": False} for name in ("admin-cli", "security-admin-console", "account-console", "account")}


def _settings(plan: Plan, where: Realm, settings: RealmSettings) -> Rep:
    title = (plan.province(where.province) if where.province else plan.world.region).title.zh
    ages = {level: number for number, level in enumerate(LEVELS, start=1)}
    return {
        "enabled": True,
        "displayName": f"{title}统一身份认证",
        "loginTheme": THEME,
        "internationalizationEnabled": True,
        "supportedLocales": list(LOCALES),
        "defaultLocale": LOCALES[0],
        "sslRequired": "all",
        "registrationAllowed": False,
        "resetPasswordAllowed": False,
        "rememberMe": False,
        "verifyEmail": False,
        "loginWithEmailAllowed": False,
        # Addresses identify nobody here: with unique ones a first login would link by them.
        "duplicateEmailsAllowed": True,
        "editUsernameAllowed": False,
        **_strict(settings),
        **_factors(plan, settings),
        **_events(settings),
        "attributes": {
            "acr.loa.map": json.dumps(ages, separators=(",", ":")),
            "frontendUrl": where.issuer.removesuffix(f"/realms/{where.name}"),
            "adminEventsExpiration": str(settings.event_days * 86_400),
        },
    }


def _strict(settings: RealmSettings) -> Rep:
    tokens, lockout, passwords = settings.tokens, settings.lockout, settings.passwords
    policy = f"length({passwords.length}) and upperCase(1) and lowerCase(1) and digits(1) and notUsername(undefined)"
    return {
        "accessTokenLifespan": tokens.access,
        "ssoSessionIdleTimeout": tokens.idle,
        "ssoSessionMaxLifespan": tokens.session,
        "accessCodeLifespan": 60,
        "accessCodeLifespanLogin": tokens.login,
        "accessCodeLifespanUserAction": 300,
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": lockout.failures,
        "waitIncrementSeconds": lockout.wait,
        "maxFailureWaitSeconds": lockout.longest,
        "passwordPolicy": f"{policy} and passwordHistory({passwords.history}) and forceExpiredPasswordChange({passwords.days})",
    }


def _factors(plan: Plan, settings: RealmSettings) -> Rep:
    otp = settings.otp
    return {
        "otpPolicyType": "totp",
        # What every authenticator on a phone understands; the weakness of SHA-1 is not one of HMAC.
        "otpPolicyAlgorithm": "HmacSHA1",
        "otpPolicyDigits": otp.digits,
        "otpPolicyPeriod": otp.period,
        "otpPolicyLookAheadWindow": otp.window,
        "otpPolicyCodeReusable": False,
        "webAuthnPolicyRpEntityName": plan.world.region.name,
        "webAuthnPolicySignatureAlgorithms": ["ES256"],
        "webAuthnPolicyUserVerificationRequirement": "required",
        "webAuthnPolicyAvoidSameAuthenticatorRegister": True,
    }


def _events(settings: RealmSettings) -> Rep:
    """Kept in the database, and written to the journal by the listener."""
    return {
        "eventsEnabled": True,
        "eventsExpiration": settings.event_days * 86_400,
        "eventsListeners": ["jboss-logging"],
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": True,
    }


def _attribute(name: str, *, personal: bool) -> Rep:
    """Nobody edits what is said about them; `personal` ones a person may at least read."""
    view = ["admin", "user"] if personal else ["admin"]
    return {"name": name, "permissions": {"view": view, "edit": ["admin"]}, "multivalued": False}


#: Nothing in it is required: an account is made by whoever is in charge of it, and never completed by its owner.
_PROFILE: Rep = {
    "attributes": [
        *(_attribute(name, personal=True) for name in ("username", "email", "firstName", "lastName")),
        *(_attribute(name, personal=False) for name in realm_clients.ATTRIBUTES),
    ],
    # What is not listed cannot be said about anybody.
    "unmanagedAttributePolicy": None,
}

"""How people log in to a province's OpenBao: the method `jwt`, its keys and issuer, one role per power. Pure.

Roles are CEL programs: only these can ask for exactly one power. The method itself checks signature, issuer, audience and
time. Nothing waits for Keycloak: keys are fetched when somebody logs in, and are kept while Keycloak is down.
"""

from __future__ import annotations

from dataclasses import dataclass

from model import identity, tokens
from model.derive import Plan, ProvincePlan

MOUNT = "jwt"
AUTH = f"auth/{MOUNT}"
ROLES = f"{AUTH}/cel/role"
#: Ordinary roles know no negation: whichever is found there is a stranger.
PLAIN_ROLES = f"{AUTH}/role"
#: Seconds; a person's session, which is not renewed but begun anew.
SESSION_SECONDS = 900
#: Seconds by which two clocks may differ.
SKEW_SECONDS = 5


@dataclass(frozen=True)
class JwtRole:
    """What a token must say to become a session with a policy."""

    power: str
    province: str

    @property
    def path(self) -> str:
        return f"{ROLES}/{self.power}"

    @property
    def policy(self) -> str:
        return self.power

    def fields(self) -> dict[str, object]:
        """The role as OpenBao's API reads and writes it. A leeway of 0 would mean two minutes and a half."""
        return {
            "bound_audiences": [identity.OPENBAO],
            "cel_program": {"expression": self.program()},
            "clock_skew_leeway": SKEW_SECONDS,
            "expiration_leeway": -1,
            "message": "",
            "not_before_leeway": -1,
        }

    def program(self) -> str:
        """A session, or the sentence that says why there is none."""
        checks = (
            *tokens.own(self.province),
            tokens.Condition(f"{tokens.powers()} == ['{self.power}']", "another power"),
        )
        refusals = "".join(f"!({c.expression}) ? '{c.message}' : " for c in checks)
        life = SESSION_SECONDS * 1_000_000_000
        lease = f"pb.LeaseOptions{{TTL: {life}, MaxTTL: {life}, renewable: false, issue_time: now}}"
        who = tokens.username(self.province)
        return (
            f"{refusals}pb.Auth{{policies: ['{self.policy}'], token_policies: ['{self.policy}'], no_default_policy: true, "
            f"display_name: {who}, alias: logical.Alias{{name: {who}}}, lease_options: {lease}}}"
        )


@dataclass(frozen=True)
class Login:
    """The method of one province. `trust` is the site whose root signs its Keycloak's certificate."""

    issuer: str
    jwks_url: str
    trust: str
    roles: tuple[JwtRole, ...]

    def mount(self) -> dict[str, object]:
        """Body of `sys/auth/jwt`."""
        return {"type": "jwt", "config": self.tuning()}

    def tuning(self) -> dict[str, object]:
        return {"default_lease_ttl": SESSION_SECONDS, "max_lease_ttl": SESSION_SECONDS}

    def config(self, root: str) -> dict[str, object]:
        """Body of `auth/jwt/config`; `root` is the certificate of `trust`."""
        return {
            "bound_issuer": self.issuer,
            "default_role": "",
            "jwks_ca_pem": root,
            "jwks_url": self.jwks_url,
            "jwt_supported_algs": ["ES256", "PS256", "RS256"],
            "jwt_validation_pubkeys": [],
            "oidc_discovery_url": "",
        }


def login(plan: Plan, province: ProvincePlan) -> Login:
    """How the people of a province log in to its OpenBao. Another province's realm is not among the ways."""
    realm = identity.realm(plan, province.name)
    roles = tuple(JwtRole(power, province.name) for power in identity.POWERS)
    return Login(realm.issuer, realm.jwks_url, realm.site.name, roles)

"""Realms of the region, where each of them answers, and the words that every token of theirs uses. Pure.

One realm per province holds that province's people; the realm `region` holds nobody and brokers between them (一证通用).
Names of claims, roles and clients are here once; settings of the realms are data in `region/identity/`.
"""

from __future__ import annotations

from dataclasses import dataclass

from model import names
from model.derive import Plan, ProvincePlan, Site

#: The realm that sends a person to the home province, and brings the answer back.
BROKER = "region"

#: Three separated powers (三权分立, GB/T 22239-2019 8.1.5): nobody holds two of them.
SYSTEM, SECURITY, AUDIT = "system-administrator", "security-administrator", "audit-administrator"
POWERS = (SYSTEM, SECURITY, AUDIT)
#: Who works for an organ, and everybody else.
OFFICIAL, CITIZEN = "official", "citizen"
ROLES = (*POWERS, OFFICIAL, CITIZEN)

#: Claims of an access token. `roles` is a flat list of the names above; `region_code` follows GB/T 2260.
CLAIM_ROLES, CLAIM_PROVINCE, CLAIM_REGION, CLAIM_LEVEL = "roles", "province", "region_code", "level"
#: Purpose of a call between provinces: the agreement's name. Only a province's exchange client gets it.
CLAIM_PURPOSE = "purpose"
#: Digest by which the broker knows one person in two provinces; goes to the broker and to nobody else.
CLAIM_ID_HASH = "id_hash"

#: Assurance levels (`acr`): password; with a verified identity; with a second factor; with a hardware key.
LEVELS = ("L1", "L2", "L3", "L4")

#: Clients (and audiences) of every realm. `yrd` is the operators' command line, a public client with PKCE.
CLI, KUBERNETES, OPENBAO, EXCHANGE, DEPLOYER = "yrd", "kubernetes", "openbao", "exchange", "yrd-deployer"
#: Scope of a token that carries the rights of a power over its own realm; no other token does.
ADMINISTRATION = "administration"
#: Clients of the broker: what people open in a browser.
PORTAL, AFFAIRS = "portal", "affairs"

#: Who may open the portal and Prometheus; `roles` stands in the portal's ID token too. Citizens may not.
ENTRANTS = (*POWERS, OFFICIAL)

#: Life of an exchange token. Seconds; gateways go on for this long when Keycloak is down, and Envoy adds a minute of skew.
EXCHANGE_TOKEN_SECONDS = 300


@dataclass(frozen=True)
class Realm:
    """One realm. `site` is where its Keycloak runs; `province` is empty for the broker."""

    name: str
    province: str
    site: Site
    issuer: str

    @property
    def jwks_url(self) -> str:
        """Where Keycloak publishes the keys that the realm signs with."""
        return f"{self.issuer}/protocol/openid-connect/certs"


@dataclass(frozen=True)
class Purpose:
    """One agreement as the consumer's realm knows it: the optional scope that a token is asked for by, and what it says.

    The scope's mappers write `purpose` (the agreement) and `audience` (the provider's exchange host) into the token.
    """

    agreement: str
    scope: str
    audience: str
    provider: str


def purposes(province: ProvincePlan) -> tuple[Purpose, ...]:
    """What the province's exchange client may ask its own realm for: the agreements in force, and nothing else."""
    return tuple(
        Purpose(f.agreement.name, names.policy(f.agreement.name), f.host, f.provider) for f in province.consumes
    )


def portal_redirects(plan: Plan) -> tuple[str, ...]:
    """Where the broker may send a person back to: the hub's login, straight or through `yrd open`."""
    ports, first = plan.world.region.ports, plan.environment.loopback
    hosts = (f"{plan.hub.head.address}:{ports.portal}", f"127.0.0.1:{first}", f"127.0.0.1:{first + 1}")
    return tuple(f"https://{host}/oauth2/callback" for host in hosts)


@dataclass(frozen=True)
class Page:
    """A service's page as its client at the broker knows it; the client has the service's name."""

    client: str
    province: str
    url: str

    @property
    def redirects(self) -> tuple[str, ...]:
        return (f"{self.url}/callback",)

    @property
    def after_logout(self) -> tuple[str, ...]:
        return (f"{self.url}/logged-out",)

    @property
    def backchannel(self) -> str:
        """Where the broker ends the page's sessions, from machine to machine."""
        return f"{self.url}/backchannel-logout"


def pages(plan: Plan) -> tuple[Page, ...]:
    """One per service that a province offers; people reach all of a province's at its public gateway."""
    port = plan.world.region.ports.public
    return tuple(
        Page(service.name, province.name, f"https://{province.head.address}:{port}")
        for province in plan.provinces
        for service in province.offers
    )


def realms(plan: Plan) -> tuple[Realm, ...]:
    """The broker, then one per province."""
    return tuple(realm(plan, name) for name in (BROKER, *(p.name for p in plan.provinces)))


def realm(plan: Plan, name: str) -> Realm:
    """A realm by name. Raises KeyError for one that the plan does not have."""
    shared = name == BROKER or plan.environment.identity.placement == "hub"
    site = plan.hub if shared else {p.name: p for p in plan.provinces}[name]
    if name != BROKER and name not in {p.name for p in plan.provinces}:
        raise KeyError(name)
    host = plan.environment.identity.hosts.get(name, str(site.head.address))
    url = f"https://{host}:{plan.world.region.ports.identity}"
    return Realm(name, "" if name == BROKER else name, site, f"{url}/realms/{name}")

"""Clients of the realms, the claims that they are given, and the way between the broker and a home realm. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from model import flows
from model import realm_mappers as mappers
from model.derive import Plan
from model.identity import (
    ADMINISTRATION,
    BROKER,
    CLAIM_ID_HASH,
    CLAIM_LEVEL,
    CLAIM_PROVINCE,
    CLAIM_PURPOSE,
    CLAIM_REGION,
    CLAIM_ROLES,
    CLI,
    DEPLOYER,
    EXCHANGE,
    EXCHANGE_TOKEN_SECONDS,
    KUBERNETES,
    OPENBAO,
    PORTAL,
    ROLES,
    Realm,
    pages,
    portal_redirects,
    purposes,
    realm,
)

Rep = dict[str, Any]
#: Public keys (a JWKS as text) by realm and client.
Keys = Mapping[tuple[str, str], str]

#: A home realm's client for the broker; a province's own service account for its accounts.
TO_BROKER, ACCOUNTS = "yrd-broker", "yrd-accounts"
#: Scope of all claims about a person; of the exchange client's own province.
PERSON, PROVINCE = "yrd-person", "yrd-province"
#: For whom somebody may act, and until when; name of the account at the broker; both attributes of an account.
ACTS_FOR, LINK = "acts_for", "link"
#: Attributes of an account; its own administrator sets them, its owner never.
ATTRIBUTES = (CLAIM_REGION, CLAIM_LEVEL, CLAIM_ID_HASH, LINK, ACTS_FOR, flows.VERIFIED)
#: The one role of a person as JSON text: notes of a session, by which the broker passes claims on, are texts.
ROLE_TEXT = "role_text"
#: What the broker passes on from the home realm's token, each as a note of this very session.
NOTES = ("acr", ROLE_TEXT, CLAIM_REGION, CLAIM_LEVEL, ACTS_FOR, "name", "preferred_username")

#: Somebody without a browser, and nothing else.
SERVICE: Rep = {
    "serviceAccountsEnabled": True,
    "standardFlowEnabled": False,
    "fullScopeAllowed": True,
    "defaultClientScopes": ["basic", "roles", "service_account"],
}
_NEVER: Rep = {
    "enabled": True,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "redirectUris": [],
    "webOrigins": [],
    "optionalClientScopes": [],
    "protocolMappers": [],
}


def home_scopes(plan: Plan, where: Realm) -> dict[str, Rep]:
    """Claims about a province's people, audiences that are asked for, and one scope per agreement of the province."""
    person = (
        mappers.roles(CLAIM_ROLES),
        mappers.attribute(CLAIM_REGION),
        mappers.attribute(CLAIM_LEVEL),
        mappers.attribute(ACTS_FOR, kind="JSON"),
        *mappers.names(),
    )
    agreements = {
        p.scope: mappers.scope(mappers.fixed(CLAIM_PURPOSE, p.agreement), mappers.audience(p.audience))
        for p in purposes(plan.province(where.province))
    }
    province = mappers.fixed(CLAIM_PROVINCE, where.province)
    rights = {ADMINISTRATION: mappers.scope(mappers.rights())}
    return {
        PERSON: mappers.scope(*person),
        PROVINCE: mappers.scope(province),
        **mappers.audiences(),
        **rights,
        **agreements,
    }


def broker_scopes() -> dict[str, Rep]:
    """The same claims as the home realm gave to this session; two sessions of one person never mix."""
    person = (
        mappers.note(ROLE_TEXT, CLAIM_ROLES, kind="JSON"),
        mappers.note(ACTS_FOR, ACTS_FOR, kind="JSON"),
        *(mappers.note(name, name) for name in (CLAIM_PROVINCE, CLAIM_REGION, CLAIM_LEVEL, "acr", "name")),
    )
    return {PERSON: mappers.scope(*person), **mappers.audiences()}


def home_clients(plan: Plan, where: Realm, keys: Keys) -> dict[str, Rep]:
    scopes = ["acr", "basic", PERSON, PROVINCE]
    own = purposes(plan.province(where.province))
    found = {
        CLI: _cli({"default.acr.values": "L3"})
        | {"defaultClientScopes": scopes, "optionalClientScopes": [ADMINISTRATION, KUBERNETES, OPENBAO]},
        TO_BROKER: _to_broker(plan, where),
    }
    if (key := keys.get((where.name, EXCHANGE))) is not None:
        found[EXCHANGE] = (
            signed(json.loads(key))
            | SERVICE
            | {
                "fullScopeAllowed": False,
                "defaultClientScopes": ["basic", PROVINCE, "service_account"],
                "optionalClientScopes": sorted(p.scope for p in own),
            }
        )
        found[EXCHANGE]["attributes"] |= {"access.token.lifespan": str(EXCHANGE_TOKEN_SECONDS)}
    if (key := keys.get((where.name, ACCOUNTS))) is not None:
        found[ACCOUNTS] = signed(json.loads(key)) | SERVICE
    return found


def broker_clients(plan: Plan, where: Realm, keys: Keys) -> dict[str, Rep]:
    """Pages that people open see a name for a person that no other page sees."""
    scopes = {"defaultClientScopes": ["basic", PERSON]}
    whose = mappers.note("preferred_username", "preferred_username")
    found = {
        # A level that is asked for by default would send everybody home again at every login: here who needs one asks.
        CLI: _cli({}) | scopes | {"optionalClientScopes": [KUBERNETES, OPENBAO], "protocolMappers": [whose]},
        # The hub's login keeps a secret of its own (`stacks/providers/realms.py` brings it here).
        PORTAL: _page(plan, where, PORTAL, portal_redirects(plan))
        | scopes
        | {"publicClient": False, "clientAuthenticatorType": "client-secret"},
    }
    for page in pages(plan):
        found[page.client] = _page(plan, where, page.client, page.redirects) | scopes
        found[page.client]["attributes"] |= {
            "post.logout.redirect.uris": "##".join(page.after_logout),
            "backchannel.logout.url": page.backchannel,
            "backchannel.logout.session.required": "true",
        }
    return {name: _proved(client, keys.get((where.name, name))) for name, client in found.items()}


def providers(plan: Plan) -> dict[str, Rep]:
    """Home realms as the broker knows them. It proves itself with its own realm's key: there is no shared secret."""
    return {
        p.name: {
            "displayName": f"{p.title.zh} {p.title.en}",
            "providerId": "oidc",
            "enabled": True,
            "trustEmail": False,
            "storeToken": False,
            "linkOnly": False,
            "hideOnLogin": False,
            "config": _provider(realm(plan, p.name).issuer, order),
        }
        for order, p in enumerate(plan.provinces)
    }


def provider_mappers(province: str) -> dict[str, Rep]:
    """What becomes of a home realm's token: the account's name at the broker, and notes of the session."""
    claims = json.dumps([{"key": name, "value": ".*"} for name in NOTES], separators=(",", ":"))
    return {
        "account": mappers.provider_mapper(
            "oidc-username-idp-mapper", template=f"${{CLAIM.{LINK}}}", target="LOCAL", syncMode="IMPORT"
        ),
        "session": mappers.provider_mapper(
            "oidc-user-session-note-idp-mapper", claims=claims, syncMode="FORCE", **{"are.claim.values.regex": "true"}
        ),
        "home": mappers.provider_mapper(
            "hardcoded-user-session-attribute-idp-mapper",
            syncMode="FORCE",
            attribute=CLAIM_PROVINCE,
            **{"attribute.value": province},
        ),
    }


def signed(jwks: Rep) -> Rep:
    """A client that proves itself by a signature (RFC 7523) with a key that only it has."""
    text = json.dumps(jwks, sort_keys=True, separators=(",", ":"))
    return _NEVER | {
        "publicClient": False,
        "clientAuthenticatorType": "client-jwt",
        "attributes": {"use.jwks.string": "true", "jwks.string": text},
    }


def _proved(client: Rep, key: str | None) -> Rep:
    """With its owner's key, once there is one, instead of with PKCE alone."""
    if key is None:
        return client
    proof = signed(json.loads(key))
    how = {name: proof[name] for name in ("publicClient", "clientAuthenticatorType")}
    return client | how | {"attributes": client["attributes"] | proof["attributes"]}


def _cli(more: dict[str, str]) -> Rep:
    """The operators' command line: any port of this host's loopback (RFC 8252), or a code typed elsewhere (RFC 8628)."""
    return _NEVER | {
        "publicClient": True,
        "standardFlowEnabled": True,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": ["http://127.0.0.1/callback"],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "oauth2.device.authorization.grant.enabled": "true",
            **more,
        },
    }


def _page(plan: Plan, where: Realm, client: str, redirects: tuple[str, ...]) -> Rep:
    return _NEVER | {
        "publicClient": True,
        "standardFlowEnabled": True,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": list(redirects),
        "attributes": {"pkce.code.challenge.method": "S256"},
        # With several hosts Keycloak would ask one of them which belong together (sector identifier): the portal, for officials.
        "protocolMappers": [mappers.pairwise(plan, where, client)]
        if len({urlsplit(r).hostname for r in redirects}) == 1
        else [],
    }


def _to_broker(plan: Plan, where: Realm) -> Rep:
    broker = realm(plan, BROKER).issuer
    endpoint = f"{broker}/broker/{where.name}/endpoint"
    link = (
        mappers.attribute(LINK),
        mappers.attribute(CLAIM_ID_HASH),
        mappers.roles(ROLE_TEXT, several=False),
        mappers.attribute(ACTS_FOR),
    )
    own = (*link, mappers.attribute(CLAIM_REGION), mappers.attribute(CLAIM_LEVEL), *mappers.names())
    return _NEVER | {
        "publicClient": False,
        "clientAuthenticatorType": "client-jwt",
        "standardFlowEnabled": True,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": [endpoint],
        "defaultClientScopes": ["acr", "basic"],
        "protocolMappers": [*own, *(mappers.renamed(role) for role in ROLES)],
        "attributes": {
            "use.jwks.url": "true",
            "jwks.url": f"{broker}/protocol/openid-connect/certs",
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{endpoint}/logout_response",
            "backchannel.logout.url": f"{broker}/protocol/openid-connect/logout/backchannel-logout",
            "backchannel.logout.session.required": "true",
        },
    }


def _provider(issuer: str, order: int) -> Rep:
    base = f"{issuer}/protocol/openid-connect"
    return {
        "clientId": TO_BROKER,
        "clientAuthMethod": "private_key_jwt",
        "clientAssertionSigningAlg": "RS256",
        "issuer": issuer,
        "authorizationUrl": f"{base}/auth",
        "tokenUrl": f"{base}/token",
        "logoutUrl": f"{base}/logout",
        "jwksUrl": f"{base}/certs",
        "useJwksUrl": "true",
        "validateSignature": "true",
        "disableUserInfo": "true",
        "defaultScope": "openid",
        "pkceEnabled": "true",
        "pkceMethod": "S256",
        "backchannelSupported": "true",
        "uiLocales": "true",
        "passMaxAge": "true",
        "syncMode": "FORCE",
        "guiOrder": str(order),
    }


__all__ = ["DEPLOYER", "Keys"]

"""Claims of tokens, and what a broker makes of them: mappers in the words of Keycloak's admin API. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from model.derive import Plan
from model.identity import KUBERNETES, OPENBAO, Realm

Rep = dict[str, Any]
#: Whose roles are rights over the realm (Keycloak's own client).
MANAGEMENT = "realm-management"


def scope(*mappers: Rep) -> Rep:
    return {
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true", "display.on.consent.screen": "false"},
        "protocolMappers": list(mappers),
    }


def audiences() -> dict[str, Rep]:
    return {name: scope(audience(name)) for name in (KUBERNETES, OPENBAO)}


def mapper(name: str, kind: str, **config: str) -> Rep:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def _stated(name: str, source: str, type_: str, **config: str) -> Rep:
    told = {"claim.name": name, "jsonType.label": type_, "id.token.claim": "true", "access.token.claim": "true"}
    return mapper(name, source, **told, **{k.replace("_", "."): v for k, v in config.items()})


def attribute(name: str, kind: str = "String") -> Rep:
    return _stated(name, "oidc-usermodel-attribute-mapper", kind, user_attribute=name)


def note(note: str, claim: str, kind: str = "String") -> Rep:
    return _stated(claim, "oidc-usersessionmodel-note-mapper", kind, user_session_note=note)


def fixed(claim: str, value: str) -> Rep:
    return _stated(claim, "oidc-hardcoded-claim-mapper", "String", claim_value=value)


def roles(claim: str, *, several: bool = True) -> Rep:
    return _stated(claim, "oidc-usermodel-realm-role-mapper", "String", multivalued=str(several).lower())


def rights() -> Rep:
    """Where Keycloak's own administration looks for them; those of other clients never stand there."""
    config = {"usermodel.clientRoleMapping.clientId": MANAGEMENT, "multivalued": "true", "jsonType.label": "String"}
    told = {
        "claim.name": f"resource_access.{MANAGEMENT}.roles",
        "access.token.claim": "true",
        "id.token.claim": "false",
    }
    return mapper("rights over the realm", "oidc-usermodel-client-role-mapper", **config, **told)


def renamed(role: str) -> Rep:
    """`official` becomes `["official"]` in this client's tokens: the broker reads it as the list that it is."""
    return mapper(f"{role} as a list", "oidc-role-name-mapper", **{"role": role, "new.role.name": json.dumps([role])})


def names() -> tuple[Rep, ...]:
    named = _stated("preferred_username", "oidc-usermodel-attribute-mapper", "String", user_attribute="username")
    return named, _stated("name", "oidc-usermodel-attribute-mapper", "String", user_attribute="firstName")


def audience(audience: str) -> Rep:
    config = {"included.custom.audience": audience, "access.token.claim": "true", "id.token.claim": "false"}
    return mapper(f"audience {audience}", "oidc-audience-mapper", **config)


def pairwise(plan: Plan, where: Realm, client: str) -> Rep:
    """The salt may be known: a subject is made of an account's random id, which no page is told."""
    salt = hashlib.sha256(f"{plan.environment.name}/{where.name}/{client}".encode()).hexdigest()
    config = {"pairwiseSubAlgorithmSalt": salt}
    return mapper("pairwise subject", "oidc-sha256-pairwise-sub-mapper", **config)


def provider_mapper(kind: str, **config: str) -> Rep:
    return {"identityProviderMapper": kind, "config": config}

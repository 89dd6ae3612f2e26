"""The conversation with the region's broker: out with a question, back with a person (OpenID Connect, code and PKCE)."""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse

from services.affairs import keys, problems
from services.affairs.problems import RefusedError
from services.affairs.settings import Home, Settings

#: Seconds: by how much clocks may differ; how long the broker, and a province when it is only asked whether it is there, may take.
LEEWAY, PATIENCE, GLANCE = 30, 10.0, 3.0
#: What the broker says when it was asked with an assertion that it may not believe, or whose time has not come.
CLIENT_FAULTS = ("invalid_client", "unauthorized_client", "invalid_request", "invalid_grant")
CLOCK_WORDS = ("in the future", "not active", "expired_token", "token is expired", "iat", "nbf")
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
KEPT = ("sub", "sid", "province", "region_code", "acr", "auth_time")


class Broker:
    """The region's realm as this client knows it."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._skew = settings, 0.0
        self._app = OAuth().register(
            "broker",
            client_id=settings.client,
            server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": keys.Proof(settings.key),
                "verify": ssl.create_default_context(cafile=settings.ca),
                "timeout": PATIENCE,
                "trust_env": False,
                "event_hooks": {"response": [self._heard]},
            },
        )

    async def send(self, request: Request, home: str, *, step_up: bool, language: str) -> RedirectResponse:
        """To the broker's login. Raises RefusedError when it is not there."""
        level = self._settings.protected if step_up else self._settings.ordinary
        wanted: dict[str, Any] = {"ui_locales": language, "acr_values": level}
        if home:
            wanted["kc_idp_hint"] = home
        if step_up:
            wanted["max_age"] = self._settings.fresh
        try:
            sent: RedirectResponse = await self._app.authorize_redirect(
                request, self._settings.url("/callback"), **wanted
            )
        except httpx2.HTTPError:
            raise RefusedError(problems.BROKER) from None
        return sent

    async def back(self, request: Request) -> tuple[dict[str, Any], str]:
        """The person who came back, and the ID token for the logout. Raises RefusedError."""
        issuer = {"essential": True, "values": [self._settings.issuer]}
        try:
            token = await self._app.authorize_access_token(
                request,
                leeway=LEEWAY,
                claims_options={"iss": issuer, "aud": {"essential": True, "value": self._settings.client}},
            )
        except httpx2.HTTPError:
            raise RefusedError(problems.BROKER) from None
        except OAuthError as fault:
            raise RefusedError(self._meaning(str(fault.error), str(fault))) from fault
        except (JoseError, ValueError) as fault:
            raise RefusedError(problems.CLOCK if self._clocks_differ(str(fault)) else problems.FAILED) from fault
        claims = token.get("userinfo")
        if not claims:
            raise RefusedError(problems.FAILED)
        person = {key: claims[key] for key in KEPT if key in claims}
        return {**person, "name": _name(claims)}, str(token["id_token"])

    async def logout_url(self, id_token: str, language: str) -> str:
        """Where the browser ends the broker's session and with it the home realm's. Raises RefusedError."""
        try:
            made = await self._app.create_logout_url(
                post_logout_redirect_uri=self._settings.url("/logged-out"),
                id_token_hint=id_token or None,
                client_id=self._settings.client,
                ui_locales=language,
            )
        except httpx2.HTTPError:
            raise RefusedError(problems.BROKER) from None
        return str(made["url"])

    async def ended(self, logout_token: str) -> tuple[str, str]:
        """(session, person) that the broker ended (OpenID Connect Back-Channel Logout 1.0, 2.6). Raises ValueError."""
        for force in (False, True):
            key_set = KeySet.import_key_set(await self._app.fetch_jwk_set(force=force))
            try:
                claims = jwt.decode(logout_token, key_set, algorithms=["RS256", "PS256", "ES256"]).claims
                break
            except (JoseError, ValueError) as fault:
                if force:
                    raise ValueError(f"not a token of the broker: {type(fault).__name__}") from fault
        now, audience = time.time(), claims.get("aud")
        if claims.get("iss") != self._settings.issuer or self._settings.client not in _list(audience):
            raise ValueError("a token of another issuer, or for another client")
        if not abs(now - float(claims.get("iat", 0))) < 5 * 60 or float(claims.get("exp", now)) < now - LEEWAY:
            raise ValueError("a token of another time")
        if LOGOUT_EVENT not in (claims.get("events") or {}) or "nonce" in claims:
            raise ValueError("not a logout token")
        sid, sub = str(claims.get("sid") or ""), str(claims.get("sub") or "")
        if not sid and not sub:
            raise ValueError("names neither a session nor a person")
        return sid, sub

    def _meaning(self, error: str, told: str) -> problems.Problem:
        if error == "access_denied":
            return problems.REFUSED
        if error in ("temporarily_unavailable", "server_error"):
            return problems.BROKER
        if error in CLIENT_FAULTS and self._clocks_differ(told):
            return problems.CLOCK
        return (
            problems.EXPIRED if error in ("mismatching_state", "invalid_grant", "login_required") else problems.FAILED
        )

    def _clocks_differ(self, told: str) -> bool:
        """By the broker's own time where it tells it, else by its words: what was signed this moment is out of its time."""
        return abs(self._skew) > LEEWAY or any(word in told.lower() for word in CLOCK_WORDS)

    async def _heard(self, response: httpx2.Response) -> None:
        """Every answer carries the broker's own time: a wrong clock is told from a wrong token by it."""
        if "date" in response.headers:
            self._skew = parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()


async def there(home: Home, ca: str) -> bool:
    """Whether a province's realm answers; asked before a person is sent to an address where nobody is."""
    async with httpx2.AsyncClient(
        verify=ssl.create_default_context(cafile=ca), timeout=GLANCE, trust_env=False
    ) as client:
        try:
            answer = await client.get(f"{home.issuer}/.well-known/openid-configuration")
        except httpx2.HTTPError:
            return False
    return answer.status_code == httpx2.codes.OK


def _name(claims: Any) -> str:
    """Names in characters are one word, the family's first; a realm writes them like names in letters."""
    family, given = str(claims.get("family_name") or ""), str(claims.get("given_name") or "")
    joined = f"{family}{given}"
    if joined and not any(c.isascii() for c in joined):
        return joined
    return str(claims.get("name") or joined)


def _list(audience: Any) -> list[Any]:
    return audience if isinstance(audience, list) else [audience]

"""The browser's side: the session's cookie, the language, and proof that a form is one of ours."""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.affairs import problems
from services.affairs.problems import RefusedError
from services.affairs.sessions import Store

#: `__Host-`: this very host, the whole of it, by TLS only. `Lax`: also on the way back from the broker, by GET.
COOKIE, LANGUAGE = "__Host-affairs", "__Host-language"
ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
#: Bytes; a form of ours is far below.
LARGEST_FORM = 64 * 1024
LANGUAGES = {"zh": "zh-CN", "en": "en"}


class Sessions:
    """Puts the browser's session into the request; what handlers leave in it is kept, and an empty one ends.

    A handler that sets `scope["renew"]` gets a new key for its session: the one from before a login is worth nothing.
    """

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        morsel = _cookies(scope).get(COOKIE)
        key = morsel.value if morsel else ""
        held = self._store.get(key)
        scope["session"] = {} if held is None else held

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                for line in self._settle(scope, key if held is not None else "", known=bool(key)):
                    MutableHeaders(scope=message).append("set-cookie", line)
            await send(message)

        await self._app(scope, receive, sending)

    def _settle(self, scope: Scope, key: str, *, known: bool) -> list[str]:
        data: dict[str, Any] = scope["session"]
        if data and key and not scope.get("renew"):
            return []
        self._store.drop(key)
        if data:
            return [f"{COOKIE}={self._store.put(dict(data))}; {ATTRIBUTES}"]
        return [f"{COOKIE}=; Max-Age=0; {ATTRIBUTES}"] if known else []


def language(request: Request) -> str:
    """The reader's choice, else what the browser prefers; Chinese when neither is known."""
    chosen = request.cookies.get(LANGUAGE, "")
    if chosen in LANGUAGES:
        return chosen
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"


def tongue(request: Request) -> str:
    """The same, as the identity centre calls it."""
    return LANGUAGES[language(request)]


def ticket(request: Request) -> str:
    """What a form has to bring back; another site cannot know it."""
    return str(request.session.setdefault("ticket", secrets.token_urlsafe(24)))


async def form(request: Request, origin: str) -> dict[str, str]:
    """Fields of a form of ours. Raises RefusedError for one that another site or another session made."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise RefusedError(problems.STALE_FORM)
    fields = dict(parse_qsl(body.decode("utf-8", "replace")))
    expected = str(request.session.get("ticket", ""))
    if request.headers.get("origin", origin) != origin or not expected:
        raise RefusedError(problems.STALE_FORM)
    if not secrets.compare_digest(fields.get("ticket", "").encode(), expected.encode()):
        raise RefusedError(problems.STALE_FORM)
    return fields


def _cookies(scope: Scope) -> SimpleCookie:
    return SimpleCookie(Headers(scope=scope).get("cookie", ""))

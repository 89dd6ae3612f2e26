"""The HTTP face. People: `/`, `/login`, `/callback`, `/apply/<item>`, `/step-up`, `/logout`. The broker: `/backchannel-logout`."""

from __future__ import annotations

import json
import logging
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl

from httpx2 import HTTPError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from services.affairs import browser, problems
from services.affairs.broker import Broker, there
from services.affairs.pages import Pages
from services.affairs.problems import RefusedError
from services.affairs.sessions import Store
from services.affairs.settings import Item, Settings

SEE_OTHER = 303
journal = logging.getLogger("affairs")


class Face:
    """Handlers over one broker and one store of sessions."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._broker, self._pages = Broker(settings), Pages(settings)
        self._homes = {home.name: home for home in settings.homes}
        self._items = {item.name: item for item in settings.items}

    async def first(self, request: Request) -> Response:
        return self._pages.show(request, "home.html", receipts=request.session.get("receipts", []))

    async def speak(self, request: Request) -> Response:
        """Remember the language, and back to the first page."""
        chosen = request.path_params["language"]
        if chosen not in browser.LANGUAGES:
            raise RefusedError(problems.UNKNOWN)
        cookie = f"{browser.LANGUAGE}={chosen}; Max-Age=31536000; {browser.ATTRIBUTES}"
        return RedirectResponse("/", SEE_OTHER, {"set-cookie": cookie})

    async def login(self, request: Request) -> Response:
        """`?home=anhui` goes straight there; without it the broker asks for the province."""
        return await self._to_broker(request, request.query_params.get("home", ""), step_up=False)

    async def step_up(self, request: Request) -> Response:
        """Once more to the same province, for a stronger login."""
        item, person = self._item(request), self._person(request)
        request.session["wanted"] = {"acr": self._settings.protected, "path": f"/apply/{item.name}"}
        return await self._to_broker(request, str(person.get("province", "")), step_up=True)

    async def _to_broker(self, request: Request, home: str, *, step_up: bool) -> Response:
        if home and home not in self._homes:
            raise RefusedError(problems.UNKNOWN)
        if home and not await there(self._homes[home], self._settings.ca):
            raise RefusedError(problems.home_down(self._homes[home].title))
        if not step_up:
            request.session.pop("wanted", None)
        return await self._broker.send(request, home, step_up=step_up, language=browser.tongue(request))

    async def callback(self, request: Request) -> Response:
        """Back from the broker: the session from before the login ends, a new one begins."""
        wanted = request.session.pop("wanted", None) or {}
        person, id_token = await self._broker.back(request)
        before = request.session.get("person") or {}
        kept = request.session.get("receipts", []) if before.get("sub") == person["sub"] else []
        request.session.clear()
        request.session.update({"person": person, "id_token": id_token, "receipts": kept})
        request.scope["renew"] = True
        if wanted and not self._settings.enough(str(person.get("acr", "")), wanted["acr"]):
            raise RefusedError(problems.TOO_WEAK)
        return RedirectResponse(wanted.get("path", "/"), SEE_OTHER)

    async def item(self, request: Request) -> Response:
        """The form, or the reason why a stronger login comes first."""
        item = self._item(request)
        if not request.session.get("person"):
            return RedirectResponse("/", SEE_OTHER)
        page = "apply.html" if self._strong(self._person(request)) else "stronger.html"
        return self._pages.show(request, page, item=item)

    async def apply(self, request: Request) -> Response:
        """The protected action. What was applied for is told in one line of the journal, without a name."""
        item, person = self._item(request), self._person(request)
        await browser.form(request, self._settings.public)
        if not self._strong(person):
            return RedirectResponse(f"/apply/{item.name}", SEE_OTHER)
        now = time.gmtime()
        number = f"{time.strftime('%Y%m%d', now)}-{secrets.token_hex(4).upper()}"
        line = {"event": "applied", "number": number, "item": item.name, "person": person["sub"]}
        journal.info(json.dumps({**line, "province": person.get("province"), "acr": person.get("acr")}))
        receipt = {"number": number, "item": item.name, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", now)}
        request.session["receipts"] = [*request.session.get("receipts", []), receipt][-20:]
        return RedirectResponse("/#receipts", SEE_OTHER)

    async def logout(self, request: Request) -> Response:
        """Here at once, then at the broker, which ends the home realm's session too."""
        await browser.form(request, self._settings.public)
        id_token = str(request.session.get("id_token", ""))
        request.session.clear()
        return RedirectResponse(await self._broker.logout_url(id_token, browser.tongue(request)), SEE_OTHER)

    async def logged_out(self, request: Request) -> Response:
        return self._pages.show(request, "logged_out.html")

    async def backchannel(self, request: Request) -> Response:
        """The broker ends sessions here, from machine to machine (OpenID Connect Back-Channel Logout 1.0)."""
        body = (await request.body())[: browser.LARGEST_FORM]
        token = dict(parse_qsl(body.decode("ascii", "replace"))).get("logout_token", "")
        headers = {"cache-control": "no-store"}
        try:
            sid, sub = await self._broker.ended(token)
        except (ValueError, HTTPError) as fault:
            journal.warning(json.dumps({"event": "logout refused", "why": str(fault)[:200]}))
            return JSONResponse({"error": "invalid_request"}, 400, headers)
        journal.info(json.dumps({"event": "logged out", "sessions": self._store.end(sid=sid, sub=sub)}))
        return Response(status_code=200, headers=headers)

    async def healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def problem(self, request: Request, fault: Exception) -> Response:
        """Every refusal is a page in both languages."""
        known = problems.UNKNOWN if isinstance(fault, HTTPException) else problems.INTERNAL
        shown = fault.problem if isinstance(fault, RefusedError) else known
        if fault.__cause__ is not None:
            journal.warning(json.dumps({"event": shown.code, "why": f"{fault.__cause__}"[:200]}))
        return self._pages.show(request, "problem.html", shown.status, problem=shown)

    def _item(self, request: Request) -> Item:
        name = request.path_params.get("item") or request.query_params.get("item", "")
        if name not in self._items:
            raise RefusedError(problems.UNKNOWN)
        return self._items[name]

    def _person(self, request: Request) -> dict[str, Any]:
        person = request.session.get("person")
        if not person:
            raise RefusedError(problems.EXPIRED)
        return dict(person)

    def _strong(self, person: dict[str, Any]) -> bool:
        """Strong enough, and recently: a stronger login is worth something for a quarter of an hour."""
        recent = time.time() - float(person.get("auth_time", 0)) <= self._settings.fresh
        return recent and self._settings.enough(str(person.get("acr", "")), self._settings.protected)


def app(settings: Settings) -> Starlette:
    """Everything over `settings`; nothing is asked of the broker before somebody logs in."""
    store = Store()
    face = Face(settings, store)
    routes = [
        Route("/", face.first),
        Route("/language/{language}", face.speak),
        Route("/login", face.login),
        Route("/callback", face.callback),
        Route("/apply/{item}", face.item, methods=["GET"]),
        Route("/apply/{item}", face.apply, methods=["POST"]),
        Route("/step-up", face.step_up),
        Route("/logout", face.logout, methods=["POST"]),
        Route("/logged-out", face.logged_out),
        Route("/backchannel-logout", face.backchannel, methods=["POST"]),
        Route("/static/style.css", Pages.style),
        Route("/healthz", face.healthz),
    ]
    refusals: dict[Any, Any] = {RefusedError: face.problem, HTTPException: face.problem, Exception: face.problem}
    return Starlette(routes=routes, middleware=[Middleware(browser.Sessions, store=store)], exception_handlers=refusals)

"""The HTTP face: `/zh`, `/en`, `/` by the reader's language, `/static/style.css`, `/healthz`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from services.portal.page import BOX, HEIGHT, WIDTH, Page, page
from services.portal.source import Snapshot
from services.portal.words import SIGNS, WORDS

VERDICTS = ("pass", "fail", "error", "manual", "not_applicable")
#: OWASP's list for a page without scripts: nothing may be loaded but our own style sheet.
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
HERE = files("services.portal")


def render(view: Page, language: str) -> str:
    """The page as HTML; everything that came from outside is escaped."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((HERE / "templates" / "page.html").read_text(encoding="utf-8"))
    return template.render(
        page=view, lang=language, w=WORDS[language], signs=SIGNS, verdicts=VERDICTS, size=(WIDTH, HEIGHT), box=BOX,
        titles={card.name: card.titles[language] for card in view.cards},
    )  # fmt: skip


def app(settings: Mapping[str, Any], look: Callable[[], Snapshot]) -> Starlette:
    """`look` blocks and never raises."""

    def show(language: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(_: Request) -> Response:
            view = page(settings, await run_in_threadpool(look), datetime.now(UTC))
            return HTMLResponse(render(view, language), headers=HEADERS)

        return answer

    async def home(request: Request) -> Response:
        wanted = request.headers.get("accept-language", "").lower()
        return RedirectResponse(
            "/en" if wanted.startswith("en") else "/zh", headers={**HEADERS, "vary": "accept-language"}
        )

    async def style(_: Request) -> Response:
        return Response((HERE / "static" / "style.css").read_bytes(), media_type="text/css", headers=HEADERS)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok", headers=HEADERS)

    return Starlette(
        routes=[
            Route("/", home),
            *(Route(f"/{language}", show(language)) for language in WORDS),
            Route("/static/style.css", style),
            Route("/healthz", healthz),
        ]
    )

"""Pages as HTML; everything that came from outside is escaped, and nothing is loaded but our own style sheet."""

from __future__ import annotations

import unicodedata
from importlib.resources import files
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.affairs import browser
from services.affairs.settings import Settings
from services.affairs.words import WORDS

HERE = files("services.affairs")


class Pages:
    """Templates over one deployment's settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        names = ("base", "home", "apply", "stronger", "logged_out", "problem")
        texts = {f"{n}.html": (HERE / "templates" / f"{n}.html").read_text(encoding="utf-8") for n in names}
        self._environment = jinja2.Environment(
            loader=jinja2.DictLoader(texts), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        # The logout form leads through the broker and the home realm: browsers hold every step against `form-action`.
        steps = " ".join(("'self'", *settings.origins))
        self._headers = {
            "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action {steps}",
            "strict-transport-security": "max-age=31536000",
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cache-control": "no-store",
            "vary": "accept-language, cookie",
        }

    def show(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """One page in the reader's language."""
        language = browser.language(request)
        person = request.scope.get("session", {}).get("person")
        body = self._environment.get_template(template).render(
            s=self._settings, w=WORDS[language], lang=language, person=person, masked=masked,
            homes={home.name: home.title for home in self._settings.homes},
            items={item.name: item.title for item in self._settings.items},
            # Only who has a session has a form; a visitor without one leaves no trace here.
            ticket=browser.ticket(request) if person else "", **values,
        )  # fmt: skip
        return HTMLResponse(body, status, self._headers)

    @staticmethod
    async def style(_: Request) -> Response:
        headers = {"cache-control": "max-age=3600", "x-content-type-options": "nosniff"}
        return Response((HERE / "static" / "style.css").read_bytes(), media_type="text/css", headers=headers)


def masked(name: str) -> str:
    """`王小明` -> `王*明`, `李四` -> `李*`, `Ana Silva` -> `A** S****`: enough to know oneself, too little for a bystander."""
    text = unicodedata.normalize("NFC", name).strip()
    if not text:
        return "*"
    if any(unicodedata.category(c) == "Lo" for c in text):
        # A name in characters: the family name stays, and of longer ones the last character.
        return f"{text[0]}*" if len(text) <= 2 else f"{text[0]}{'*' * (len(text) - 2)}{text[-1]}"
    return " ".join(word[0] + "*" * (len(word) - 1) for word in text.split())

"""The HTTP face: `POST /v1/population/verify`, and `/healthz`, `/readyz`, `/metrics` for those who run it.

Ids and names are personal data of level 3: they are neither logged nor counted, and never repeated in an answer.
"""

from __future__ import annotations

import json
import time
import unicodedata
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.population import FRESH_HEADER, errors
from services.population.identity import InvalidCitizenIdError, parse
from services.population.store import StoreUnavailableError

#: Far above any real request (two short fields), far below anything that could hurt. Bytes.
LARGEST_BODY = 4096
LONGEST_NAME = 100
FIELDS = {"citizen_id", "name"}


class Lookup(Protocol):
    """What the service needs of a store."""

    def matches(self, citizen_id: str, name: str, fresh: bool = False) -> bool: ...

    def ready(self) -> bool: ...


def read(body: bytes) -> tuple[str, str]:
    """Number and name out of a request's body. Raises errors.RefusedError."""
    if len(body) > LARGEST_BODY:
        raise errors.RefusedError(errors.TOO_LARGE)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise errors.RefusedError(errors.NOT_AN_OBJECT) from None
    if not isinstance(data, dict):
        raise errors.RefusedError(errors.NOT_AN_OBJECT)
    if set(data) != FIELDS:
        raise errors.RefusedError(errors.WRONG_FIELDS)
    if not all(isinstance(value, str) for value in data.values()):
        raise errors.RefusedError(errors.NOT_TEXT)
    try:
        citizen_id = parse(data["citizen_id"])
    except InvalidCitizenIdError as invalid:
        raise errors.RefusedError(errors.bad_citizen_id(invalid.reason)) from None
    return citizen_id, _name(data["name"])


def _name(text: str) -> str:
    # The same name may be typed as one character or as several: NFC makes them equal. PostgreSQL refuses NUL.
    name = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(name) <= LONGEST_NAME or "\x00" in name:
        raise errors.RefusedError(errors.BAD_NAME)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise errors.RefusedError(errors.BAD_NAME) from None
    return name


class Service:
    """The endpoints over an injected lookup, with metrics of their own registry."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._registry = CollectorRegistry()
        self._answers = Counter("yrd_population_answers", "Answers by their kind.", ["answer"], registry=self._registry)
        self._seconds = Histogram(
            "yrd_population_answer_duration_seconds",
            "Time from a request to its answer.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=self._registry,
        )

    async def verify(self, request: Request) -> Response:
        started = time.perf_counter()
        try:
            citizen_id, name = read(await _body(request))
            # A gauge of availability asks not to be carried by a connection from before what it measures.
            fresh = FRESH_HEADER in request.headers
            matched = await run_in_threadpool(self._lookup.matches, citizen_id, name, fresh)
        except errors.RefusedError as refused:
            answer, response = _refuse(refused.problem)
        except StoreUnavailableError:
            answer, response = _refuse(errors.UNAVAILABLE)
        else:
            answer = "match" if matched else "mismatch"
            response = JSONResponse({"result": answer})
        response.headers["cache-control"] = "no-store"
        self._answers.labels(answer).inc()
        self._seconds.observe(time.perf_counter() - started)
        return response

    async def healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(self, _: Request) -> Response:
        ready = await run_in_threadpool(self._lookup.ready)
        return PlainTextResponse("ok" if ready else "the database does not answer", 200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


def _refuse(problem: errors.Problem) -> tuple[str, JSONResponse]:
    return problem.code, JSONResponse(problem.body(), problem.status)


async def _body(request: Request) -> bytes:
    """The body, read no further than one byte beyond what is allowed."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            break
    return body


def app(lookup: Lookup) -> Starlette:
    service = Service(lookup)
    return Starlette(
        routes=[
            Route("/v1/population/verify", service.verify, methods=["POST"]),
            Route("/healthz", service.healthz),
            Route("/readyz", service.readyz),
            Route("/metrics", service.metrics),
        ]
    )

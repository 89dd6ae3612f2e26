"""Gather what the API server and OpenBao say, through connections that are passed in. Reads only.

Each part is guarded, as on a machine: what cannot be read becomes `{"error": text}` and its rules become `error`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any

import hvac
from hvac.exceptions import Forbidden, VaultError
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from policies.types import Facts

#: Kind of the `cel` checks to the path of its list.
LISTS = {
    "namespaces": "/api/v1/namespaces",
    "networkpolicies": "/apis/networking.k8s.io/v1/networkpolicies",
    "peerauthentications": "/apis/security.istio.io/v1/peerauthentications",
    "authorizationpolicies": "/apis/security.istio.io/v1/authorizationpolicies",
}
#: Objects per page; the API server then never builds a large answer at once.
PAGE = 500
FAILURES = (ApiException, HTTPError, VaultError, RequestException, OSError, ValueError, KeyError)


def cluster(client: ApiClient) -> Facts:
    """One list per kind of object that a rule asks for."""
    return {kind: _guarded(partial(everything, client, path)) for kind, path in LISTS.items()}


def openbao(client: hvac.Client) -> Facts:
    """Seal, audit devices and tokens of root."""
    return {
        "seal": _guarded(lambda: client.sys.read_seal_status()),
        "audit": _guarded(lambda: sorted(client.sys.list_enabled_audit_devices()["data"])),
        "tokens": _guarded(lambda: tokens(client)),
    }


def everything(client: ApiClient, path: str) -> list[dict[str, Any]]:
    return list(pages(client, path))


def pages(client: ApiClient, path: str) -> Iterator[dict[str, Any]]:
    """Every object of a list, as the API server wrote it."""
    following = ""
    while True:
        query = [("limit", str(PAGE)), *([("continue", following)] if following else [])]
        call = client.param_serialize("GET", path, query_params=query, auth_settings=["BearerToken"])
        answer = client.call_api(*call)
        text: bytes = answer.read()  # type: ignore[no-untyped-call]
        if answer.status != HTTPStatus.OK:
            raise ApiException(status=answer.status, reason=f"{path}: {text[:200]!r}")
        body = json.loads(text)
        yield from body.get("items", [])
        following = body["metadata"].get("continue", "")
        if not following:
            return


def tokens(client: hvac.Client) -> dict[str, Any]:
    """Accessors of root tokens. A credential whose policy forbids the list is an answer too."""
    try:
        accessors: list[str] = client.auth.token.list_accessors()["data"]["keys"]
        found = {accessor: client.auth.token.lookup_accessor(accessor)["data"]["policies"] for accessor in accessors}
    except Forbidden:
        return {"forbidden": True}
    return {"root": [accessor for accessor, names in found.items() if "root" in names], "count": len(found)}


def _guarded(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except FAILURES as failure:
        return {"error": f"{type(failure).__name__}: {str(failure)[:300]}"}

"""The three calls of KMS v2. The key never leaves OpenBao; `key_id` names its version, so that a rotation is seen."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any, Protocol

import grpc

from services.kms.messages import CLASSES, SERVICE

#: The API server asks for the status once a minute and more often while it is not well.
STATUS_SECONDS = 10.0


class Transit(Protocol):
    """What the plugin needs of OpenBao; every method raises OSError when it cannot be had."""

    def latest(self) -> int: ...
    def encrypt(self, plaintext: str) -> tuple[str, int]: ...
    def decrypt(self, ciphertext: str) -> str: ...


class Plugin:
    """Pure apart from `transit` and the clock, which are passed in."""

    def __init__(self, transit: Transit, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.transit, self.key, self.clock = transit, key, clock
        self._status: tuple[float, int] | None = None

    def key_id(self, version: int) -> str:
        """`transit/etcd:v1`."""
        return f"{self.key}:v{version}"

    def status(self, _request: Any, context: Any) -> Any:
        if self._status is None or self.clock() - self._status[0] > STATUS_SECONDS:
            self._status = (self.clock(), self._guarded(context, self.transit.latest))
        return CLASSES["StatusResponse"](version="v2", healthz="ok", key_id=self.key_id(self._status[1]))

    def encrypt(self, request: Any, context: Any) -> Any:
        plaintext = base64.b64encode(request.plaintext).decode()
        ciphertext, version = self._guarded(context, lambda: self.transit.encrypt(plaintext))
        return CLASSES["EncryptResponse"](ciphertext=ciphertext.encode(), key_id=self.key_id(version))

    def decrypt(self, request: Any, context: Any) -> Any:
        plaintext = self._guarded(context, lambda: self.transit.decrypt(request.ciphertext.decode()))
        return CLASSES["DecryptResponse"](plaintext=base64.b64decode(plaintext))

    def _guarded(self, context: Any, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except OSError as gone:
            self._status = None
            context.abort(grpc.StatusCode.UNAVAILABLE, f"OpenBao: {gone}")
            raise


def handlers(plugin: Plugin) -> Any:
    """The plugin as gRPC's generic handlers."""
    calls = {"Status": plugin.status, "Encrypt": plugin.encrypt, "Decrypt": plugin.decrypt}
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=CLASSES[f"{name}Request"].FromString,
            response_serializer=CLASSES[f"{name}Response"].SerializeToString,
        )
        for name, call in calls.items()
    }
    return grpc.method_handlers_generic_handler(SERVICE, methods)

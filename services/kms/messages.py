"""Messages of the KMS v2 protocol (k8s.io/kms/apis/v2/api.proto), built at run time: no generated code to keep in step with protobuf."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TEXT, _BYTES, _MESSAGE = 9, 12, 11
#: Message to fields: (name, number, type); `map` is map<string, bytes>.
_MESSAGES: dict[str, tuple[tuple[str, int, int | str], ...]] = {
    "StatusRequest": (),
    "StatusResponse": (("version", 1, _TEXT), ("healthz", 2, _TEXT), ("key_id", 3, _TEXT)),
    "DecryptRequest": (("ciphertext", 1, _BYTES), ("uid", 2, _TEXT), ("key_id", 3, _TEXT), ("annotations", 4, "map")),
    "DecryptResponse": (("plaintext", 1, _BYTES),),
    "EncryptRequest": (("plaintext", 1, _BYTES), ("uid", 2, _TEXT)),
    "EncryptResponse": (("ciphertext", 1, _BYTES), ("key_id", 2, _TEXT), ("annotations", 3, "map")),
}
SERVICE = "v2.KeyManagementService"


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="kms_v2.proto", package="v2", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            if kind == "map":
                entry = message.nested_type.add(name="AnnotationsEntry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, type=_TEXT, label=1)
                entry.field.add(name="value", number=2, type=_BYTES, label=1)
                message.field.add(
                    name=field, number=number, type=_MESSAGE, label=3, type_name=f".v2.{name}.AnnotationsEntry"
                )
            else:
                message.field.add(name=field, number=number, type=kind, label=1)
    return file


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"v2.{name}")) for name in _MESSAGES}


CLASSES = _classes()

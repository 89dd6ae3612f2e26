"""One exchange on the wire, run inside a network namespace: JSON in (standard input), one JSON line out. Standard library only."""

from __future__ import annotations

import json
import socket
import ssl
import sys


def main() -> None:
    asked = json.loads(sys.stdin.read())
    said = {"connected": False, "tls": False, "answer": "", "error": ""}
    try:
        raw = socket.create_connection((asked["host"], asked["port"]), timeout=8)
        said["connected"] = True
        stream: socket.socket = raw
        if asked["tls"]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # What is proven here is whom the server accepts, so the server itself is not judged.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if asked.get("cert"):
                context.load_cert_chain(asked["cert"], asked["key"])
            stream = context.wrap_socket(raw, server_hostname=asked["sni"])
            said["tls"] = True
        body = asked["body"].encode()
        head = (
            f"{asked['method']} {asked['path']} HTTP/1.1\r\nhost: {asked['name']}\r\ncontent-type: application/json\r\n"
        )
        if asked.get("token"):
            head += f"authorization: Bearer {asked['token']}\r\n"
        stream.sendall(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        said["answer"] = stream.recv(4096).decode(errors="replace").split("\r\n")[0]
    except OSError as fault:  # ssl.SSLError is one
        said["error"] = f"{type(fault).__name__}: {fault}"
    sys.stdout.write(json.dumps(said) + "\n")


main()

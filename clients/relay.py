"""Bring a service of the cloud to 127.0.0.1: bytes in both directions, TLS untouched, until interrupted."""

from __future__ import annotations

import asyncio
import contextlib

from model.errors import YrdError

CHUNK = 65536


async def serve(port: int, host: str, target: int) -> None:
    """Listen on 127.0.0.1:`port` for ever. Raises YrdError E199 when the port is taken."""
    try:
        server = await asyncio.start_server(lambda r, w: _join(r, w, host, target), "127.0.0.1", port)
    except OSError as taken:
        raise YrdError(
            "E199",
            f"127.0.0.1:{port} 已被占用：{taken}",
            f"127.0.0.1:{port} is taken: {taken}",
            "换一个环境 loopback 端口，或结束占用者",
            "end what uses it, or change `loopback` of the environment",
        ) from taken
    async with server:
        await server.serve_forever()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, target: int) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(host, target)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()

"""A message board over WebSockets, in Python's standard library alone: the server that the guide tests.

GET /health, GET /messages, POST /moderator?name=NAME, which the first who asks becomes, and a socket at /ws?name=NAME.
It greets with {"type": "welcome"}, answers {"type": "ping"} with {"type": "pong"}, and hands {"type": "message",
"text": …} to everybody with a number.
"""

import argparse
import asyncio
import base64
import hashlib
import json
from urllib.parse import parse_qs, urlsplit

sockets = {}  # writer: name
messages = []
moderators = []


async def send(writer, frame):
    payload = json.dumps(frame).encode()
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    writer.write(b"\x81" + size + payload)
    await writer.drain()


async def receive(reader):
    """The next text frame, or None at the end. Client frames are masked (RFC 6455, section 5.3)."""
    opcode, size = await reader.readexactly(2)
    size &= 0x7F
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    mask = await reader.readexactly(4)
    payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(await reader.readexactly(size)))
    return None if opcode & 0x0F == 8 else json.loads(payload)


def answer_close(writer):
    """The close frame that answers one; behind the last connection's end nobody reads it."""
    writer.write(b"\x88\x00")


async def tell(frame):
    for writer in list(sockets):
        await send(writer, frame)


async def talk(name, reader, writer):
    sockets[writer] = name
    await send(writer, {"type": "welcome", "you": name, "people": sorted(sockets.values())})
    await tell({"type": "entered", "name": name})
    try:
        while frame := await receive(reader):
            if frame["type"] == "ping":
                await send(writer, {"type": "pong"})
            elif frame["type"] == "message":
                message = {"number": len(messages) + 1, "by": name, "text": frame["text"]}
                messages.append(message)
                await tell({"type": "message", **message})
        answer_close(writer)
    finally:
        del sockets[writer]
        await tell({"type": "left", "name": name})


async def serve(reader, writer):
    try:
        method, target, _ = (await reader.readline()).decode().split()
        headers = {}
        while line := (await reader.readline()).decode().strip():
            key, value = line.split(":", 1)
            headers[key.lower()] = value.strip()
        url = urlsplit(target)
        if url.path == "/ws" and "sec-websocket-key" in headers:
            key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            writer.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            await talk(parse_qs(url.query).get("name", ["nobody"])[0], reader, writer)
        else:
            if method == "POST" and url.path == "/moderator":
                moderators.append(parse_qs(url.query).get("name", ["nobody"])[0])
            first = len(moderators) == 1
            status, answer = {
                "/moderator": ("201 Created" if first else "409 Conflict", {"moderator": (moderators or [None])[0]}),
                "/health": ("200 OK", {"ok": True}),
                "/messages": ("200 OK", {"messages": messages}),
            }.get(url.path, ("404 Not Found", {"error": "not found"}))
            body = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
asyncio.run(main(parser.parse_args().port))

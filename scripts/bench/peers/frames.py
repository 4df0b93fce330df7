#!/usr/bin/env python3
"""*Frames*: a WebSocket server that sends each who connects as many frames as the path asks for.

`/frames?n=4000` sends `{"type":"frame","n":1}` to `{"type":"frame","n":4000}`; with `noise=1` a frame of another type
stands before each. In `/room?room=1` everybody else gets what somebody says: `{"type":"say","key":"k","text":"hello"}`
becomes `{"type":"said","id":"m1","n":1,"key":"k","text":"hello"}`, and its sender gets the same as `stored`. `{"type":"ping"}` is answered with `{"type":"pong"}`, behind everything that was sent before. It
prints its address and serves until its standard input ends. Python's standard library; loopback only.
"""

import base64
import hashlib
import json
import os
import socketserver
import sys
import threading
from urllib.parse import parse_qs, urlsplit

# RFC 6455, section 1.3.
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, content):
    """An unmasked frame; RFC 6455, section 5.2."""
    length = len(content)
    if length < 126:
        return bytes([0x80 | opcode, length]) + content
    return bytes([0x80 | opcode, 126]) + length.to_bytes(2, "big") + content


def text(content):
    return frame(1, content.encode())


class Room:
    """Who is in it, and how much was said."""

    def __init__(self):
        self.lock = threading.Lock()
        self.members = []
        self.said = 0

    def say(self, sender, message):
        with self.lock:
            self.said += 1
            told = {**message, "id": f"m{self.said}", "n": self.said}
            others = text(json.dumps({**told, "type": "said"}))
            own = text(json.dumps({**told, "type": "stored"}))
            for member in self.members:
                member.write(own if member is sender else others)


ROOMS = {}
LOCK = threading.Lock()


class Client(socketserver.StreamRequestHandler):
    def handle(self):
        request = self.rfile.readline().decode("latin-1").split(" ")
        headers = {}
        while (line := self.rfile.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        key = headers.get("sec-websocket-key")
        if key is None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        query = parse_qs(urlsplit(request[1]).query)
        noise = text('{"type":"noise"}') if "noise" in query else b""
        count = int(query.get("n", ["0"])[0])
        for first in range(1, count + 1, 1000):
            last = min(count, first + 999)
            self.wfile.write(b"".join(noise + text(f'{{"type":"frame","n":{n}}}') for n in range(first, last + 1)))
        if "room" not in query:
            return self.answer(None)
        with LOCK:
            room = ROOMS.setdefault(query["room"][0], Room())
        with room.lock:
            room.members.append(self.wfile)
        try:
            self.answer(room)
        finally:
            with room.lock:
                room.members.remove(self.wfile)

    def answer(self, room):
        """Answers until the client closes."""
        while len(head := self.rfile.read(2)) == 2:
            opcode, length = head[0] & 0x0F, head[1] & 0x7F
            if length > 125:
                length = int.from_bytes(self.rfile.read(2 if length == 126 else 8), "big")
            mask = self.rfile.read(4)
            content = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(length)))
            if opcode == 8:
                self.wfile.write(frame(8, content))
                return
            message = json.loads(content)
            if message["type"] == "ping":
                with room.lock if room else LOCK:
                    self.wfile.write(text('{"type":"pong"}'))
            elif room:
                room.say(self.wfile, message)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        # A client that leaves early is no news.
        pass


def main():
    with Server(("127.0.0.1", 0), Client) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main()

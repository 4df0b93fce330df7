#!/usr/bin/env python3
"""A small game lobby: players log in, meet in a lobby and say that they are ready; then one match starts.

It is a server that Roundtable knows nothing of, in the standard library alone, for Python 3.9 and later. It holds
everything in memory and listens on loopback.

    POST /login {user, password}     200 {id, user} and an HttpOnly cookie; 401 for a wrong password
    POST /lobbies {size}             201; whoever opens a lobby is its first player
    GET  /lobbies/ID                 200, its players in the order of joining, and its match
    POST /lobbies/ID/join            200, also for somebody who is in already; 409 when full or started
    POST /lobbies/ID/leave           200, and the leaver's sockets are closed with 1000; 404 for a stranger
    POST /lobbies/ID/ready           200; when the lobby is full and everybody is ready, its match starts
    GET  /matches?lobby=ID           200 {matches}
    GET  /lobbies/ID/ws              WebSocket, for players of the lobby
    GET  /health                     200, without a cookie

Frames to the client: `welcome`, then what happens: `joined`, `left`, `ready` and `match_started` carry a sequence
number of the lobby (`seq`) and an id (`event`); `chat` carries neither; `error` answers a frame that makes no sense.
Frames from the client: `{type: chat, text}` and `{type: ping}`.

The answer to a ping is not ordered behind deliveries: the reader writes the `pong` at once, while deliveries wait
in the socket's queue for the next tick. What is ordered is the queue: whoever sees somebody's chat line has seen
everything that the server did before that line.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import http
import json
import os
import re
import secrets
import signal
import struct
import sys
from urllib.parse import parse_qs, unquote, urlsplit

TICK = 0.002  # seconds for which deliveries are collected before they go out together
LARGEST = 64 * 1024  # bytes of a request's body and of a WebSocket message
LONGEST_LINE = 500  # characters of a chat line
PATIENCE = 2.0  # seconds for the other side to answer a close frame
PASSWORD = os.environ.get("LOBBY_PASSWORD", "open sesame")  # there are no accounts: it is everybody's
WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def log(text):
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------------------------
# The game: players, lobbies, matches. Nothing here knows of HTTP or WebSocket.


class Refused(Exception):
    """A request that can't be done; the edge turns it into an answer."""

    def __init__(self, status, code, text):
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Player:
    def __init__(self, name):
        self.id = "player_" + secrets.token_hex(6)
        self.name = name


class Lobby:
    def __init__(self, size):
        self.id = "lobby_" + secrets.token_hex(6)
        self.size = size
        self.ready_by_player = {}  # in the order of joining
        self.sockets = set()
        self.last_seq = 0
        self.match = None

    def shown(self):
        players = [{"id": one.id, "name": one.name, "ready": ready} for one, ready in self.ready_by_player.items()]
        return {
            "lobby": self.id,
            "size": self.size,
            "players": players,
            "match_id": self.match["match_id"] if self.match else None,
        }

    def must_have(self, player):
        if player not in self.ready_by_player:
            raise Refused(404, "NOT_IN_LOBBY", "you are not in this lobby")

    def join(self, player):
        if player in self.ready_by_player:
            return None
        if self.match:
            raise Refused(409, "MATCH_STARTED", "the match has started")
        if len(self.ready_by_player) == self.size:
            raise Refused(409, "LOBBY_FULL", "the lobby is full")
        self.ready_by_player[player] = False
        return self.tell("joined", player)

    def leave(self, player):
        self.must_have(player)
        del self.ready_by_player[player]
        for socket in [socket for socket in self.sockets if socket.player is player]:
            self.sockets.discard(socket)
            socket.close(1000, "left the lobby")
        return self.tell("left", player)

    async def ready(self, player, matches):
        self.must_have(player)
        event = None
        if not self.ready_by_player[player]:
            self.ready_by_player[player] = True
            event = self.tell("ready", player)
        # A real lobby writes it down here, and serves others meanwhile. So several may find the lobby complete,
        # of whom the first starts the match; or somebody has left, and nobody does.
        await asyncio.sleep(TICK)
        if self.is_complete() and not self.match:
            self.match = {
                "match_id": "match_" + secrets.token_hex(6),
                "lobby": self.id,
                "players": [one.id for one in self.ready_by_player],
            }
            matches.append(self.match)
            self.tell("match_started", match_id=self.match["match_id"], players=self.match["players"])
        return event

    def is_complete(self):
        return len(self.ready_by_player) == self.size and all(self.ready_by_player.values())

    def chat(self, player, text):
        self.send({"type": "chat", "lobby": self.id, "player": player.id, "name": player.name, "text": text})

    def tell(self, kind, player=None, **more):
        """Numbers an event and hands it to everybody in the lobby."""
        self.last_seq += 1
        event = {"type": kind, "lobby": self.id, "seq": self.last_seq, "event": "event_" + secrets.token_hex(6)}
        if player:
            event.update(player=player.id, name=player.name)
        event.update(more)
        self.send(event)
        log(f"{self.id} {self.last_seq}: {kind} {player.name if player else more}")
        return event

    def send(self, frame):
        for socket in self.sockets:
            socket.deliver(frame)


# ---------------------------------------------------------------------------------------------------------------
# HTTP/1.1, as much as is needed: keep-alive, bodies with a length.


class Request:
    def __init__(self, method, target, headers, body):
        parts = urlsplit(target)
        self.method, self.path, self.query = method, unquote(parts.path), parse_qs(parts.query)
        self.headers, self.body = headers, body

    @property
    def session(self):
        cookies = (pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";"))
        return next((value for name, _, value in cookies if name == "session"), None)

    def json(self):
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refused(400, "INVALID_JSON", "the body is no JSON") from None
        if not isinstance(value, dict):
            raise Refused(400, "INVALID_BODY", "the body must be an object")
        return value

    def wants_websocket(self):
        return self.headers.get("upgrade", "").lower() == "websocket"


async def read_request(reader):
    """The next request of a connection; None at its end."""
    line = await reader.readline()
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400, "BAD_REQUEST", "no HTTP/1.1 request")
    headers = {}
    while True:
        line = (await reader.readline()).decode("latin-1").rstrip("\r\n")
        if not line:
            break
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise Refused(501, "NOT_IMPLEMENTED", "a body must come with its length")
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise Refused(400, "BAD_REQUEST", "Content-Length is no number")
    if int(length) > LARGEST:
        raise Refused(413, "TOO_LARGE", f"a body has at most {LARGEST} bytes")
    return Request(words[0], words[1], headers, await reader.readexactly(int(length)))


def head(status, headers):
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(status, body, headers=None):
    text = json.dumps(body).encode()
    return head(status, {"Content-Type": "application/json", "Content-Length": len(text), **(headers or {})}) + text


def refusal(refused, headers=None):
    return answer(refused.status, {"error": refused.text, "code": refused.code}, headers)


# ---------------------------------------------------------------------------------------------------------------
# WebSocket (RFC 6455), as much as is needed: no extensions, text alone.

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Closed(Exception):
    """The connection ends with this close code."""

    def __init__(self, code, reason=""):
        super().__init__(reason)
        self.code, self.reason = code, reason


def frame(opcode, payload):
    size = len(payload)
    if size < 126:
        start = struct.pack("!BB", 0x80 | opcode, size)
    elif size < 1 << 16:
        start = struct.pack("!BBH", 0x80 | opcode, 126, size)
    else:
        start = struct.pack("!BBQ", 0x80 | opcode, 127, size)
    return start + payload


def text_frame(value):
    return frame(TEXT, json.dumps(value).encode())


def close_frame(code, reason):
    return frame(CLOSE, struct.pack("!H", code) + reason.encode()[:123])


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    final, opcode, size = first & 0x80, first & 0x0F, second & 0x7F
    if first & 0x70 or not second & 0x80:
        raise Closed(1002, "frames of a client are masked and use no extensions")
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    if size > LARGEST:
        raise Closed(1009, "too large")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return final, opcode, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class Socket:
    """One player's connection: a reader that answers pings at once, and a queue that a task of its own drains."""

    def __init__(self, player, reader, writer):
        self.player, self.reader, self.writer = player, reader, writer
        self.queue = asyncio.Queue()
        self.has_closed = False

    def deliver(self, value):
        self.queue.put_nowait(text_frame(value))

    def close(self, code, reason):
        """Ends the connection behind what is in the queue."""
        self.queue.put_nowait((code, reason))

    async def drain(self):
        while not self.has_closed:
            batch = [await self.queue.get()]
            await asyncio.sleep(TICK)
            while not self.queue.empty():
                batch.append(self.queue.get_nowait())
            for item in batch:
                if isinstance(item, tuple):
                    self.write_close(*item)
                else:
                    self.write(item)
            await self.writer.drain()

    def write(self, data):
        if not self.has_closed:
            self.writer.write(data)

    def write_close(self, code, reason):
        self.write(close_frame(code, reason))
        self.has_closed = True
        asyncio.get_running_loop().call_later(PATIENCE, self.writer.close)

    async def read(self, lobby):
        """Reads until the connection ends."""
        try:
            while True:
                self.take(await self.read_message(), lobby)
        except Closed as closed:
            self.write_close(closed.code, closed.reason)

    async def read_message(self):
        message, kind = b"", None
        while True:
            final, opcode, payload = await read_frame(self.reader)
            if opcode == CLOSE:
                raise Closed(struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 1000)
            if opcode == PING:
                self.write(frame(PONG, payload))
            if opcode >= CLOSE:
                continue
            kind = kind or opcode
            message += payload
            if len(message) > LARGEST:
                raise Closed(1009, "too large")
            if final:
                if kind != TEXT:
                    raise Closed(1003, "text frames alone")
                return message

    def take(self, message, lobby):
        try:
            value = json.loads(message)
        except ValueError:
            return self.refuse("invalid_json", "the frame is no JSON")
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "ping":
            # At once, past the queue: a pong says nothing of deliveries.
            return self.write(text_frame({"type": "pong"}))
        if kind != "chat":
            return self.refuse("unknown_type", "a frame is a chat or a ping")
        text = value.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_LINE:
            return self.refuse("invalid_text", f"text has 1 to {LONGEST_LINE} characters")
        lobby.chat(self.player, text)

    def refuse(self, code, text):
        self.deliver({"type": "error", "code": code, "message": text})


# ---------------------------------------------------------------------------------------------------------------
# The server: routes, sessions, connections.


class Server:
    def __init__(self):
        self.players = {}  # by name
        self.sessions = {}  # by cookie
        self.lobbies = {}  # by id
        self.matches = []
        self.routes = [
            ("GET", r"/health", self.health),
            ("POST", r"/login", self.log_in),
            ("POST", r"/lobbies", self.open_lobby),
            ("GET", r"/lobbies/(\w+)", self.show_lobby),
            ("POST", r"/lobbies/(\w+)/join", self.join),
            ("POST", r"/lobbies/(\w+)/leave", self.leave),
            ("POST", r"/lobbies/(\w+)/ready", self.ready),
            ("GET", r"/matches", self.list_matches),
        ]

    async def health(self, request):
        return answer(200, {"status": "ok"})

    async def log_in(self, request):
        given = request.json()
        user, password = given.get("user"), given.get("password")
        if not isinstance(user, str) or not user or not isinstance(password, str):
            raise Refused(400, "INVALID_LOGIN", "user and password are texts")
        if not hmac.compare_digest(password.encode(), PASSWORD.encode()):
            log(f"{user!r} gave a wrong password")
            raise Refused(401, "WRONG_PASSWORD", "user or password is wrong")
        player = self.players.setdefault(user, Player(user))
        session = secrets.token_urlsafe(24)
        self.sessions[session] = player
        cookie = f"session={session}; HttpOnly; Path=/; SameSite=Strict"
        return answer(200, {"id": player.id, "user": user}, {"Set-Cookie": cookie})

    async def open_lobby(self, request):
        player, size = self.player(request), request.json().get("size")
        if isinstance(size, bool) or not isinstance(size, int) or not 2 <= size <= 64:
            raise Refused(400, "INVALID_SIZE", "size is a number from 2 to 64")
        lobby = Lobby(size)
        self.lobbies[lobby.id] = lobby
        event = lobby.join(player)
        return answer(201, {**lobby.shown(), **caused(event)})

    async def show_lobby(self, request, lobby):
        self.player(request)
        return answer(200, self.lobby(lobby).shown())

    async def join(self, request, lobby):
        player, lobby = self.player(request), self.lobby(lobby)
        return answer(200, caused(lobby.join(player)))

    async def leave(self, request, lobby):
        player, lobby = self.player(request), self.lobby(lobby)
        return answer(200, caused(lobby.leave(player)))

    async def ready(self, request, lobby):
        player, lobby = self.player(request), self.lobby(lobby)
        return answer(200, caused(await lobby.ready(player, self.matches)))

    async def list_matches(self, request):
        self.player(request)
        wanted = request.query.get("lobby")
        return answer(200, {"matches": [match for match in self.matches if not wanted or match["lobby"] in wanted]})

    def player(self, request):
        player = self.sessions.get(request.session)
        if player is None:
            raise Refused(401, "LOG_IN", "log in first")
        return player

    def lobby(self, name):
        if name not in self.lobbies:
            raise Refused(404, "NO_LOBBY", "there is no such lobby")
        return self.lobbies[name]

    async def respond(self, request):
        others = False
        for method, pattern, handle in self.routes:
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                try:
                    return await handle(request, *found.groups())
                except Refused as refused:
                    return refusal(refused)
            others = others or found
        status, code = (405, "METHOD_NOT_ALLOWED") if others else (404, "NOT_FOUND")
        return refusal(Refused(status, code, f"{request.method} {request.path} is nothing here"))

    async def connection(self, reader, writer):
        try:
            while True:
                request = await read_request(reader)
                if request is None:
                    break
                if request.wants_websocket():
                    await self.websocket(request, reader, writer)
                    break
                writer.write(await self.respond(request))
                await writer.drain()
                if request.headers.get("connection", "").lower() == "close":
                    break
        except Refused as refused:
            writer.write(refusal(refused, {"Connection": "close"}))
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the other side went away, or sends lines without end
        except asyncio.CancelledError:
            pass  # the server ends; nobody waits for this task, which would complain
        finally:
            writer.close()

    async def websocket(self, request, reader, writer):
        found = re.fullmatch(r"/lobbies/(\w+)/ws", request.path)
        key = request.headers.get("sec-websocket-key")
        if not found or not key or request.method != "GET":
            raise Refused(404, "NOT_FOUND", "no WebSocket here")
        player, lobby = self.player(request), self.lobby(found.group(1))
        if player not in lobby.ready_by_player:
            raise Refused(403, "NOT_IN_LOBBY", "join the lobby first")
        accept = base64.b64encode(hashlib.sha1((key + WEBSOCKET_GUID).encode()).digest()).decode()
        writer.write(head(101, {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}))
        socket = Socket(player, reader, writer)
        socket.deliver({"type": "welcome", **lobby.shown(), "player": player.id, "last_seq": lobby.last_seq})
        lobby.sockets.add(socket)
        draining = asyncio.ensure_future(socket.drain())
        try:
            await socket.read(lobby)
        finally:
            lobby.sockets.discard(socket)
            draining.cancel()

    async def farewell(self):
        """Tells every socket that the server ends, and gives their queues a moment."""
        sockets = [socket for lobby in self.lobbies.values() for socket in lobby.sockets]
        for socket in sockets:
            socket.close(1001, "the server ends")
        if sockets:
            await asyncio.sleep(10 * TICK)


def caused(event):
    """What an answer tells of the event that its request caused, if it did."""
    return {"event": event["event"], "seq": event["seq"]} if event else {}


async def serve(port):
    server = Server()
    listener = await asyncio.start_server(server.connection, "127.0.0.1", port)
    log(f"listening on http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    listener.close()
    await server.farewell()


def main():
    parser = argparse.ArgumentParser(description="A small game lobby server on loopback.")
    parser.add_argument("--port", type=int, default=8100, help="where to listen; 0 takes a free port (default: %(default)s)")
    arguments = parser.parse_args()
    if not 0 <= arguments.port <= 65535:
        parser.error("a port is a number from 0 to 65535")
    try:
        asyncio.run(serve(arguments.port))
    except OSError as error:
        sys.exit(f"lobby: can't listen on port {arguments.port}: {error}")


if __name__ == "__main__":
    main()

// *Node*: the same chat as it is written with the ws package.

import { WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });

server.on("listening", () => console.log(`127.0.0.1:${server.address().port}`));

server.on("connection", (socket, request) => {
  const id = request.url.split("/").pop();
  const user = (request.headers.authorization ?? "").replace("Bearer e2e_", "");
  if (!rooms.has(id)) rooms.set(id, { sequence: 0, sockets: new Set() });
  const room = rooms.get(id);

  const tell = (toOthers, toSelf) => {
    const [others, self] = [JSON.stringify(toOthers), JSON.stringify(toSelf)];
    for (const other of room.sockets) other.send(other === socket ? self : others);
  };

  room.sockets.add(socket);
  tell(
    { type: "participant_update", action: "join", participant: { participantId: user } },
    { type: "connected", conversation_id: id, participant_id: user },
  );

  socket.on("message", (text) => {
    const frame = JSON.parse(text);
    if (frame.type !== "message") return;
    room.sequence += 1;
    const about = {
      message_id: `msg_${id}_${room.sequence}`,
      client_message_id: frame.message_id,
      sequence_id: room.sequence,
    };
    const message = {
      ...about,
      conversation_id: id,
      sender_id: user,
      sender_name: user,
      content: frame.content,
      message_type: "text",
      timestamp: Date.now(),
      status: "sent",
      metadata: {},
    };
    tell({ type: "message", conversation_id: id, message }, { type: "message_ack", ...about, duplicate: false });
  });

  socket.on("close", () => room.sockets.delete(socket));
});

-- Who knows the id may join. An invite that is forgotten still leads to its conversation.
CREATE TABLE invites (
    id           TEXT    NOT NULL PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    position     INTEGER NOT NULL,              -- in the order in which they were made
    made_by      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    max_uses     INTEGER,                       -- any number without one
    uses         INTEGER NOT NULL,
    forgotten    INTEGER NOT NULL DEFAULT 0     -- had expired when another one was made
) STRICT;

CREATE INDEX invites_by_conversation ON invites (conversation, position) WHERE forgotten = 0;

-- A conversation as it stands. Its messages, participants and read positions refer to it by `key`.
CREATE TABLE conversations (
    key           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    title         TEXT    NOT NULL,
    sites         TEXT    NOT NULL,             -- a JSON list
    mode          TEXT    NOT NULL,
    creator       TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,             -- milliseconds since 1970, like every time here
    updated_at    INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL DEFAULT 0,
    active_at     INTEGER NOT NULL,             -- creation or newest message
    ordinal       INTEGER NOT NULL,             -- grows with every activity of any conversation; breaks ties
    last_append   BLOB    NOT NULL              -- by which an append is recognised whose outcome got lost
) STRICT;

-- The newest ordinal, written once a transaction.
CREATE TABLE activity (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    ordinal INTEGER NOT NULL
) STRICT;

INSERT INTO activity VALUES (1, 0);

-- Who takes part now, and nobody else.
CREATE TABLE members (
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    user         TEXT    NOT NULL,
    position     INTEGER NOT NULL,              -- join order
    name         TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('human', 'ai')),
    joined_at    INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user, conversation);

-- How far somebody has read. It outlives a leave.
CREATE TABLE read_positions (
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    user         TEXT    NOT NULL,
    up_to        INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    conversation INTEGER NOT NULL REFERENCES conversations (key),
    sequence     INTEGER NOT NULL,              -- 1, 2, 3 … in each conversation
    id           TEXT    NOT NULL,
    client_id    TEXT,                          -- the sender's own id, if it gave one
    sender       TEXT    NOT NULL,
    sender_name  TEXT    NOT NULL,
    content      TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('text', 'nlweb_response', 'error')),
    at           INTEGER NOT NULL,
    metadata     TEXT    NOT NULL,              -- a JSON object
    PRIMARY KEY (conversation, sequence)
) STRICT, WITHOUT ROWID;                        -- a conversation's messages lie together, and are read together

-- A resend is recognised by this, however long ago the first one was.
CREATE UNIQUE INDEX messages_sent ON messages (conversation, sender, client_id) WHERE client_id IS NOT NULL;

-- Counts a sender's own messages in a range without reading them.
CREATE INDEX messages_by_sender ON messages (conversation, sender, sequence);

-- Written to learn whether a store that failed would take a commit again.
CREATE TABLE probe (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    content BLOB NOT NULL
) STRICT;

-- Whatever people wrote is bytea in UTF-8, since text cannot hold the character NUL; convert_from(content, 'UTF8')
-- shows it. Times are milliseconds since 1970.

-- A conversation as it stands. Its messages, participants and read positions refer to it by `key`.
CREATE TABLE conversations (
    key           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            text   NOT NULL UNIQUE,
    title         bytea  NOT NULL,
    sites         bytea  NOT NULL,              -- a JSON list
    mode          bytea  NOT NULL,
    creator       bytea  NOT NULL,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    last_sequence bigint NOT NULL DEFAULT 0,
    active_at     bigint NOT NULL,              -- creation or newest message
    ordinal       bigint NOT NULL,              -- grows with every activity of any conversation; breaks ties
    last_append   bytea  NOT NULL               -- by which an append is recognised whose outcome got lost
);

CREATE INDEX conversations_by_ordinal ON conversations (ordinal);

-- Who takes part now, and nobody else.
CREATE TABLE members (
    conversation bigint NOT NULL REFERENCES conversations (key),
    "user"       bytea  NOT NULL,
    position     bigint NOT NULL,               -- join order
    name         bytea  NOT NULL,
    kind         text   NOT NULL CHECK (kind IN ('human', 'ai')),
    joined_at    bigint NOT NULL,
    PRIMARY KEY (conversation, "user")
);

CREATE INDEX members_by_user ON members ("user", conversation);

-- How far somebody has read. It outlives a leave.
CREATE TABLE read_positions (
    conversation bigint NOT NULL REFERENCES conversations (key),
    "user"       bytea  NOT NULL,
    up_to        bigint NOT NULL,
    PRIMARY KEY (conversation, "user")
);

CREATE TABLE messages (
    conversation bigint NOT NULL REFERENCES conversations (key),
    sequence     bigint NOT NULL,               -- 1, 2, 3 … in each conversation
    id           text   NOT NULL,
    client_id    bytea,                         -- the sender's own id, if it gave one
    sender       bytea  NOT NULL,
    sender_name  bytea  NOT NULL,
    content      bytea  NOT NULL,
    kind         text   NOT NULL CHECK (kind IN ('text', 'nlweb_response', 'error')),
    at           bigint NOT NULL,
    metadata     bytea  NOT NULL,               -- a JSON object
    PRIMARY KEY (conversation, sequence)
);

-- A resend is recognised by this, however long ago the first one was.
CREATE UNIQUE INDEX messages_sent ON messages (conversation, sender, client_id) WHERE client_id IS NOT NULL;

-- Counts a sender's own messages in a range without reading them.
CREATE INDEX messages_by_sender ON messages (conversation, sender, sequence);

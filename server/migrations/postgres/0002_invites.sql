-- Who knows the id may join. An invite that is forgotten still leads to its conversation.
CREATE TABLE invites (
    id           text    NOT NULL PRIMARY KEY,
    conversation bigint  NOT NULL REFERENCES conversations (key),
    position     bigint  GENERATED ALWAYS AS IDENTITY, -- in the order in which they were made
    made_by      bytea   NOT NULL,
    created_at   bigint  NOT NULL,
    expires_at   bigint  NOT NULL,
    max_uses     bigint,                               -- any number without one
    uses         bigint  NOT NULL,
    forgotten    boolean NOT NULL DEFAULT false        -- had expired when another one was made
);

CREATE INDEX invites_by_conversation ON invites (conversation, position) WHERE NOT forgotten;

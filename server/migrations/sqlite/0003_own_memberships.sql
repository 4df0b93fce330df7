-- Whether somebody was made a participant by another one; such a membership doesn't count towards its own limit. Of
-- those that are there already nobody knows, so they count.
ALTER TABLE members ADD COLUMN added_by_others INTEGER NOT NULL DEFAULT 0;

CREATE INDEX members_own ON members (user) WHERE added_by_others = 0;

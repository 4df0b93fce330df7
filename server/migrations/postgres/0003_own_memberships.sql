-- Whether somebody was made a participant by another one; such a membership doesn't count towards its own limit. Of
-- those that are there already nobody knows, so they count.
ALTER TABLE members ADD COLUMN added_by_others boolean NOT NULL DEFAULT false;

CREATE INDEX members_own ON members ("user") WHERE NOT added_by_others;

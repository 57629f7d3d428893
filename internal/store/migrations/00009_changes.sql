-- What has changed, for whoever follows. Every change takes its number from the
-- counter, whose row is locked until the transaction ends: so the order of
-- numbers is the order of commits. Old changes are deleted; changes.forgotten is
-- the number of the last of those.

-- +goose Up
CREATE TABLE IF NOT EXISTS changes (
  number      {integer} NOT NULL,
  occurred_at {instant} NOT NULL,
  kind        {word} NOT NULL,
  id          {id} NOT NULL,
  part        {integer} NOT NULL,
  PRIMARY KEY (number)
) {table};

CREATE TABLE IF NOT EXISTS counters (
  name  {word} NOT NULL,
  value {integer} NOT NULL,
  PRIMARY KEY (name)
) {table};

INSERT INTO counters (name, value) VALUES ('changes', 0), ('changes.forgotten', 0);

-- What was answered to changes that came with an idempotency key, so that they
-- are made once. The answer is JSON; rows are deleted some days later.

-- +goose Up
CREATE TABLE IF NOT EXISTS idempotency_keys (
  role            {word} NOT NULL,
  organization    {id} NOT NULL,
  idempotency_key {key} NOT NULL,
  digest          {digest} NOT NULL,
  answer          {long} NOT NULL,
  created_at      {instant} NOT NULL,
  PRIMARY KEY (role, organization, idempotency_key)
) {table};

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

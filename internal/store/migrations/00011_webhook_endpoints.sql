-- Where publishers' programs hear of private offers. The secrets are sealed with
-- a key that need not be in this database; event_types is a JSON list, null for
-- all.

-- +goose Up
CREATE TABLE IF NOT EXISTS webhook_endpoints (
  id              {id} NOT NULL,
  publisher_id    {id} NOT NULL,
  url             {long} NOT NULL,
  description     {text} NOT NULL,
  event_types     {long},
  secret          {text} NOT NULL,
  previous_secret {text} NOT NULL,
  previous_until  {instant},
  created_at      {instant} NOT NULL,
  updated_at      {instant} NOT NULL,
  disabled_at     {instant},
  disabled_reason {word} NOT NULL,
  PRIMARY KEY (id)
) {table};

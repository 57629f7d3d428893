-- Keys of programs. Of a secret only its SHA-256 is stored, as hex. The scopes
-- are words separated by spaces.

-- +goose Up
CREATE TABLE IF NOT EXISTS api_keys (
  id           {id} NOT NULL,
  name         {text} NOT NULL,
  role         {word} NOT NULL,
  organization {id} NOT NULL,
  scopes       {long} NOT NULL,
  created_by   {text} NOT NULL,
  created_at   {instant} NOT NULL,
  expires_at   {instant} NOT NULL,
  revoked_at   {instant},
  last_used_at {instant},
  secret_hash  {id} NOT NULL,
  PRIMARY KEY (id)
) {table};

-- What happened to private offers, and who did it: written with what it tells,
-- and never changed. changes is a JSON list of fields, before and after.

-- +goose Up
CREATE TABLE IF NOT EXISTS private_offer_events (
  private_offer_id   {id} NOT NULL,
  number             {integer} NOT NULL,
  type               {word} NOT NULL,
  occurred_at        {instant} NOT NULL,
  reseller_tenant_id {id} NOT NULL,
  role               {word} NOT NULL,
  organization       {id} NOT NULL,
  subject            {long} NOT NULL,
  reason             {long} NOT NULL,
  source_id          {id} NOT NULL,
  changes            {long},
  PRIMARY KEY (private_offer_id, number)
) {table};

-- Apart from the table before, since not every engine can add a column only
-- where it is missing. A sale that was recorded before has no charge type.

-- +goose Up
ALTER TABLE private_offer_resellers ADD COLUMN expected_live_at {instant};
ALTER TABLE private_offer_sales ADD COLUMN charge_type {word} NOT NULL DEFAULT '';

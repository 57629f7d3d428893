-- The marketplace's own fee schedule (D13): 20 % of the wholesale amount for
-- charges before July 2021, 3 % since. Empty ids mean "any".

-- +goose Up
INSERT INTO agency_fees (publisher_id, product_id, private_offer_id, charge_type, effective_from, rate)
VALUES ('', '', '', '', 190001, '0.20'), ('', '', '', '', 202107, '0.03');

-- Each event of an offer asks for its publisher's endpoints. Apart from the table,
-- since not every engine can create an index only where it is missing.

-- +goose Up
CREATE INDEX webhook_endpoints_publisher ON webhook_endpoints (publisher_id, id);

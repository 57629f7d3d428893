-- Apart from the tables, since not every engine can create an index only
-- where it is missing.

-- +goose Up
CREATE INDEX products_publisher ON products (publisher_id);
CREATE INDEX catalogue_changes_record ON catalogue_changes (kind, record_key);
CREATE INDEX private_offers_publisher ON private_offers (publisher_id);
CREATE INDEX private_offer_resellers_reseller ON private_offer_resellers (reseller_tenant_id);
CREATE INDEX purchases_subscription ON purchases (subscription_id);
CREATE INDEX purchases_customer ON purchases (reseller_tenant_id, customer_tenant_id);
CREATE INDEX subscriptions_reseller ON subscriptions (reseller_tenant_id, customer_tenant_id);
CREATE INDEX subscriptions_publisher ON subscriptions (publisher_id);
CREATE INDEX subscriptions_product ON subscriptions (product_id);
CREATE INDEX usage_records_subscription ON usage_records (subscription_id, occurred_at);
CREATE INDEX usage_buckets_publisher ON usage_buckets (publisher_id, month);
CREATE INDEX usage_buckets_subscription ON usage_buckets (subscription_id);

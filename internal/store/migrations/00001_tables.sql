-- One set of files for every engine. {words} in braces are types, written out
-- for each dialect in dialect.go. Every id compares byte by byte. Tables are
-- created only where missing, so that a start that was cut off can go on.

-- +goose Up
CREATE TABLE IF NOT EXISTS settings (
  name  {id} NOT NULL,
  value {long} NOT NULL,
  PRIMARY KEY (name)
) {table};

CREATE TABLE IF NOT EXISTS publishers (
  id              {id} NOT NULL,
  name            {text} NOT NULL,
  country         {word} NOT NULL,
  payout_currency {word} NOT NULL,
  account_active  {bool} NOT NULL,
  enrolled        {bool} NOT NULL,
  PRIMARY KEY (id)
) {table};

CREATE TABLE IF NOT EXISTS resellers (
  tenant_id        {id} NOT NULL,
  name             {text} NOT NULL,
  type             {word} NOT NULL,
  country          {word} NOT NULL,
  billing_currency {word} NOT NULL,
  regions          {long},
  skills           {long},
  competencies     {long},
  in_csp_program   {bool} NOT NULL,
  PRIMARY KEY (tenant_id)
) {table};

CREATE TABLE IF NOT EXISTS customers (
  reseller_tenant_id {id} NOT NULL,
  tenant_id          {id} NOT NULL,
  name               {text} NOT NULL,
  country            {word} NOT NULL,
  PRIMARY KEY (reseller_tenant_id, tenant_id)
) {table};

CREATE TABLE IF NOT EXISTS products (
  id                   {id} NOT NULL,
  publisher_id         {id} NOT NULL,
  title                {text} NOT NULL,
  type                 {word} NOT NULL,
  marketplaces         {long},
  published            {bool} NOT NULL,
  public               {bool} NOT NULL,
  transactable         {bool} NOT NULL,
  csp_opt_in           {word} NOT NULL,
  authorized_resellers {long},
  PRIMARY KEY (id)
) {table};

CREATE TABLE IF NOT EXISTS plans (
  product_id    {id} NOT NULL,
  id            {id} NOT NULL,
  title         {text} NOT NULL,
  pricing_model {word} NOT NULL,
  trial_days    {integer} NOT NULL,
  PRIMARY KEY (product_id, id)
) {table};

CREATE TABLE IF NOT EXISTS meters (
  product_id     {id} NOT NULL,
  id             {id} NOT NULL,
  title          {text} NOT NULL,
  unit           {text} NOT NULL,
  infrastructure {bool} NOT NULL,
  PRIMARY KEY (product_id, id)
) {table};

-- Months are integers YYYYMM everywhere; 0 is "none".
CREATE TABLE IF NOT EXISTS prices (
  product_id     {id} NOT NULL,
  plan_id        {id} NOT NULL,
  meter_id       {id} NOT NULL,
  term           {word} NOT NULL,
  billing        {word} NOT NULL,
  market         {word} NOT NULL,
  currency       {word} NOT NULL,
  effective_from {integer} NOT NULL,
  unit_price     {decimal} NOT NULL,
  PRIMARY KEY (product_id, plan_id, meter_id, term, billing, market, currency, effective_from)
) {table};

CREATE TABLE IF NOT EXISTS agency_fees (
  publisher_id     {id} NOT NULL,
  product_id       {id} NOT NULL,
  private_offer_id {id} NOT NULL,
  charge_type      {word} NOT NULL,
  effective_from   {integer} NOT NULL,
  rate             {rate} NOT NULL,
  PRIMARY KEY (publisher_id, product_id, private_offer_id, charge_type, effective_from)
) {table};

CREATE TABLE IF NOT EXISTS exchange_rates (
  currency     {word} NOT NULL,
  month        {integer} NOT NULL,
  usd_per_unit {rate} NOT NULL,
  PRIMARY KEY (currency, month)
) {table};

CREATE TABLE IF NOT EXISTS catalogue_changes (
  id          {id} NOT NULL,
  kind        {word} NOT NULL,
  record_key  {key} NOT NULL,
  recorded_at {instant} NOT NULL,
  document    {long} NOT NULL,
  PRIMARY KEY (id)
) {table};

CREATE TABLE IF NOT EXISTS private_offers (
  id                    {id} NOT NULL,
  publisher_id          {id} NOT NULL,
  name                  {text} NOT NULL,
  start_month           {integer} NOT NULL,
  end_month             {integer} NOT NULL,
  prepared_by           {text} NOT NULL,
  notification_contacts {long},
  version               {integer} NOT NULL,
  created_at            {instant} NOT NULL,
  updated_at            {instant} NOT NULL,
  submitted_at          {instant},
  live_at               {instant},
  ended_at              {instant},
  withdrawn_at          {instant},
  PRIMARY KEY (id)
) {table};

CREATE TABLE IF NOT EXISTS private_offer_pricing_lines (
  private_offer_id      {id} NOT NULL,
  position              {integer} NOT NULL,
  product_id            {id} NOT NULL,
  plan_id               {id} NOT NULL,
  percentage_hundredths {integer} NOT NULL,
  absolute              {long},
  PRIMARY KEY (private_offer_id, position)
) {table};

CREATE TABLE IF NOT EXISTS private_offer_resellers (
  private_offer_id    {id} NOT NULL,
  reseller_tenant_id  {id} NOT NULL,
  customer_tenant_ids {long},
  authorized_at       {instant},
  published_at        {instant},
  failed_at           {instant},
  failure_reason      {long} NOT NULL,
  withdrawn_at        {instant},
  PRIMARY KEY (private_offer_id, reseller_tenant_id)
) {table};

-- The first sale of an offer through a reseller: once sold stays sold (D9).
CREATE TABLE IF NOT EXISTS private_offer_sales (
  private_offer_id   {id} NOT NULL,
  reseller_tenant_id {id} NOT NULL,
  subscription_id    {id} NOT NULL,
  sold_at            {instant} NOT NULL,
  PRIMARY KEY (private_offer_id, reseller_tenant_id)
) {table};

CREATE TABLE IF NOT EXISTS purchases (
  source                      {id} NOT NULL,
  external_id                 {id} NOT NULL,
  occurred_at                 {instant} NOT NULL,
  recorded_at                 {instant} NOT NULL,
  digest                      {digest} NOT NULL,
  action                      {word} NOT NULL,
  subscription_id             {id} NOT NULL,
  reseller_tenant_id          {id} NOT NULL,
  indirect_reseller_tenant_id {id} NOT NULL,
  customer_tenant_id          {id} NOT NULL,
  product_id                  {id} NOT NULL,
  plan_id                     {id} NOT NULL,
  term                        {word} NOT NULL,
  billing                     {word} NOT NULL,
  market                      {word} NOT NULL,
  currency                    {word} NOT NULL,
  quantity                    {decimal} NOT NULL,
  PRIMARY KEY (source, external_id)
) {table};

CREATE TABLE IF NOT EXISTS subscriptions (
  id                          {id} NOT NULL,
  publisher_id                {id} NOT NULL,
  reseller_tenant_id          {id} NOT NULL,
  indirect_reseller_tenant_id {id} NOT NULL,
  customer_tenant_id          {id} NOT NULL,
  product_id                  {id} NOT NULL,
  plan_id                     {id} NOT NULL,
  market                      {word} NOT NULL,
  currency                    {word} NOT NULL,
  pricing_model               {word} NOT NULL,
  trial_days                  {integer} NOT NULL,
  first_month                 {integer} NOT NULL,
  last_month                  {integer} NOT NULL,
  PRIMARY KEY (id)
) {table};

-- Whoever sends usage of one publisher's subscriptions knows nothing of the
-- keys that another publisher's usage has.
CREATE TABLE IF NOT EXISTS usage_records (
  publisher_id       {id} NOT NULL,
  source             {id} NOT NULL,
  external_id        {id} NOT NULL,
  occurred_at        {instant} NOT NULL,
  recorded_at        {instant} NOT NULL,
  digest             {digest} NOT NULL,
  reseller_tenant_id {id} NOT NULL,
  subscription_id    {id} NOT NULL,
  meter_id           {id} NOT NULL,
  quantity           {decimal} NOT NULL,
  PRIMARY KEY (publisher_id, source, external_id)
) {table};

CREATE TABLE IF NOT EXISTS usage_buckets (
  month              {integer} NOT NULL,
  reseller_tenant_id {id} NOT NULL,
  subscription_id    {id} NOT NULL,
  plan_id            {id} NOT NULL,
  meter_id           {id} NOT NULL,
  publisher_id       {id} NOT NULL,
  quantity           {decimal} NOT NULL,
  records            {integer} NOT NULL,
  PRIMARY KEY (month, reseller_tenant_id, subscription_id, plan_id, meter_id)
) {table};


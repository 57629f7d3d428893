-- What recipients are told of events of private offers, queued with the event
-- and sent by the worker, and each attempt to send it. notice is the JSON of what
-- is said. next_attempt_at is null once a notification is settled.

-- +goose Up
CREATE TABLE IF NOT EXISTS notifications (
  id               {id} NOT NULL,
  private_offer_id {id} NOT NULL,
  event_number     {integer} NOT NULL,
  type             {word} NOT NULL,
  channel          {word} NOT NULL,
  recipient        {key} NOT NULL,
  notice           {long} NOT NULL,
  created_at       {instant} NOT NULL,
  queued_at        {instant} NOT NULL,
  attempt_count    {integer} NOT NULL,
  next_attempt_at  {instant},
  leased_until     {instant},
  delivered_at     {instant},
  dead_at          {instant},
  last_error       {long} NOT NULL,
  PRIMARY KEY (id)
) {table};

CREATE UNIQUE INDEX notifications_event ON notifications (private_offer_id, event_number, channel, recipient);

CREATE INDEX notifications_due ON notifications (next_attempt_at);

CREATE INDEX notifications_dead ON notifications (dead_at);

CREATE TABLE IF NOT EXISTS notification_attempts (
  notification_id       {id} NOT NULL,
  number                {integer} NOT NULL,
  started_at            {instant} NOT NULL,
  outcome               {word} NOT NULL,
  duration_milliseconds {integer} NOT NULL,
  status_code           {integer} NOT NULL,
  error                 {long} NOT NULL,
  PRIMARY KEY (notification_id, number)
) {table};

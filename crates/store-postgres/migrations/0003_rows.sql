-- The rows of each table as a program sends them, many in one parameter. They are types of their own, and
-- not those of the tables: a program of the version before goes on sending rows of the type that it knows
-- when a table has got another column. Such a column needs a new type. JSON is sent as text.

CREATE TYPE member_row AS (
  member_id text,
  version bigint,
  stamp uuid,
  registration text,
  name text,
  headline text,
  email text,
  plan text,
  audience text[],
  last_active_at timestamptz,
  who_may_invite text,
  reminders boolean,
  pending_sent bigint,
  pending_received bigint,
  connections bigint,
  sends bigint[],
  withdrawals bigint[],
  reports bigint[],
  notes_month timestamptz,
  notes_used bigint,
  restricted_since timestamptz,
  restricted_until timestamptz,
  restricted_class text,
  restricted_rung smallint,
  read_until uuid
);

COMMENT ON TYPE member_row IS 'A row on its way into members.';

CREATE TYPE relation_row AS (
  member_id text,
  other_id text,
  version bigint,
  stamp uuid,
  connected_since timestamptz,
  own_invitation_id uuid,
  own_note text,
  own_sent_at timestamptz,
  own_expires_at timestamptz,
  own_ended_how text,
  own_ended_at timestamptz,
  own_kept_why text,
  own_kept_at timestamptz,
  own_reminder_moments smallint,
  own_reminders uuid[],
  own_next_due timestamptz,
  own_follow_since timestamptz,
  own_follow_hidden boolean,
  own_blocking_since timestamptz,
  own_unblocked_at timestamptz,
  own_bars boolean,
  own_quiet_until timestamptz,
  other_invitation_id uuid,
  other_note text,
  other_sent_at timestamptz,
  other_expires_at timestamptz,
  other_ended_how text,
  other_ended_at timestamptz,
  other_kept_why text,
  other_kept_at timestamptz,
  other_reminder_moments smallint,
  other_reminders uuid[],
  other_next_due timestamptz,
  other_follow_since timestamptz,
  other_follow_hidden boolean,
  other_blocking_since timestamptz,
  other_unblocked_at timestamptz,
  other_bars boolean,
  other_quiet_until timestamptz,
  listed_sent uuid,
  listed_received uuid,
  listed_connection timestamptz,
  listed_following timestamptz,
  listed_follower timestamptz,
  listed_block timestamptz,
  due_at timestamptz
);

COMMENT ON TYPE relation_row IS 'A row on its way into relations.';

CREATE TYPE past_row AS (
  member_id text,
  invitation_id uuid,
  direction text,
  other_id text,
  note text,
  state text,
  sent_at timestamptz,
  expires_at timestamptz,
  decided_at timestamptz
);

COMMENT ON TYPE past_row IS 'A row on its way into past_invitations.';

CREATE TYPE notification_row AS (
  member_id text,
  notification_id uuid,
  at timestamptz,
  about text,
  invitation_id uuid,
  kind text,
  engagement_kind text,
  engagement_subject text,
  engagement_text text
);

COMMENT ON TYPE notification_row IS 'A row on its way into notifications.';

CREATE TYPE event_row AS (
  member_id text,
  event_id uuid,
  at timestamptz,
  actor text,
  subject text,
  invitation_id uuid,
  kind text,
  delivered boolean,
  complaint text,
  reminder_number smallint,
  engagement_id uuid,
  engagement_kind text,
  engagement_subject text,
  engagement_text text,
  restricted_until timestamptz,
  restricted_class text
);

COMMENT ON TYPE event_row IS 'A row on its way into events.';

CREATE TYPE claim_row AS (
  member_id text,
  key text,
  fingerprint uuid,
  at timestamptz,
  answer text
);

COMMENT ON TYPE claim_row IS 'A row on its way into idempotency_records.';

CREATE TYPE document_row AS (
  member_id text,
  kind text,
  key text,
  version bigint,
  due_at timestamptz,
  body text
);

COMMENT ON TYPE document_row IS 'A row on its way into documents.';

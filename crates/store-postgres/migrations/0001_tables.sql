-- The tables of a community. Every one has member_id first in its primary key, so that a distributed
-- PostgreSQL can keep all that belongs to a member on one node.
--
-- Ids of members are compared by their bytes, in the database as in the program: COLLATE "C".

CREATE TABLE members (
  member_id text COLLATE "C" NOT NULL PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 0),
  stamp uuid NOT NULL,
  registration text NOT NULL CHECK (registration IN ('none', 'registered', 'erasing')),
  name text,
  headline text,
  email text,
  plan text NOT NULL CHECK (plan IN ('basic', 'premium')),
  audience text[] NOT NULL,
  last_active_at timestamptz,
  who_may_invite text NOT NULL CHECK (who_may_invite IN ('anyone', 'email', 'nobody')),
  reminders boolean NOT NULL,
  pending_sent bigint NOT NULL CHECK (pending_sent >= 0),
  pending_received bigint NOT NULL CHECK (pending_received >= 0),
  connections bigint NOT NULL CHECK (connections >= 0),
  sends bigint[] NOT NULL CHECK (cardinality(sends) % 3 = 0),
  withdrawals bigint[] NOT NULL CHECK (cardinality(withdrawals) % 3 = 0),
  reports bigint[] NOT NULL CHECK (cardinality(reports) % 3 = 0),
  notes_month timestamptz,
  notes_used bigint CHECK (notes_used >= 0),
  restricted_since timestamptz,
  restricted_until timestamptz,
  restricted_class text CHECK (restricted_class IN ('unanswered_or_reported', 'pace')),
  restricted_rung smallint CHECK (restricted_rung >= 0),
  read_until uuid,
  CHECK ((notes_month IS NULL) = (notes_used IS NULL)),
  CHECK (num_nulls(restricted_since, restricted_until, restricted_class, restricted_rung) IN (0, 4))
) WITH (fillfactor = 80);

COMMENT ON TABLE members IS 'One row for each member: what the host told us, and what the rules count.';
COMMENT ON COLUMN members.member_id IS 'The host''s own name for the member.';
COMMENT ON COLUMN members.version IS 'Counts the changes of the row; a commit says which version it was decided on.';
COMMENT ON COLUMN members.stamp IS 'The greatest event id of the commit that wrote the row; later ids come after it.';
COMMENT ON COLUMN members.registration IS 'Where the member stands with the host: none (never registered), registered, erasing.';
COMMENT ON COLUMN members.name IS 'Name for pages and mails.';
COMMENT ON COLUMN members.headline IS 'One line about the member.';
COMMENT ON COLUMN members.email IS 'Address for mails, and what those must know who may invite by e-mail alone (rule 21).';
COMMENT ON COLUMN members.plan IS 'What the member pays for: basic, premium (rules 2, 3, 26).';
COMMENT ON COLUMN members.audience IS 'Tags of the people this member wants to reach (rule 37).';
COMMENT ON COLUMN members.last_active_at IS 'When the member was last seen (rule 37).';
COMMENT ON COLUMN members.who_may_invite IS 'Who may invite this member: anyone, email, nobody (rule 21).';
COMMENT ON COLUMN members.reminders IS 'Whether the member is reminded of invitations (rule 24).';
COMMENT ON COLUMN members.pending_sent IS 'Invitations sent that look pending to the member (rule 25).';
COMMENT ON COLUMN members.pending_received IS 'Invitations received that the member can answer.';
COMMENT ON COLUMN members.connections IS 'Connections (rule 16).';
COMMENT ON COLUMN members.sends IS 'When invitations were sent: triples of unix second, how many, how many of them were accepted later (rules 26, 28, 30).';
COMMENT ON COLUMN members.withdrawals IS 'When invitations were withdrawn: triples as in sends (rule 31).';
COMMENT ON COLUMN members.reports IS 'When others reported invitations of this member: triples as in sends (rule 29).';
COMMENT ON COLUMN members.notes_month IS 'The first instant of the month in which the last note was attached (rule 3).';
COMMENT ON COLUMN members.notes_used IS 'Notes attached in that month (rule 3).';
COMMENT ON COLUMN members.restricted_since IS 'When the last restriction started (rule 32).';
COMMENT ON COLUMN members.restricted_until IS 'When the last restriction ends or ended (rule 32).';
COMMENT ON COLUMN members.restricted_class IS 'What the last restriction is for, as far as the member is told: unanswered_or_reported, pace.';
COMMENT ON COLUMN members.restricted_rung IS 'The rung of the ladder of the last restriction, from 0 (rule 33).';
COMMENT ON COLUMN members.read_until IS 'Notifications up to this one have been read.';

CREATE TABLE relations (
  member_id text COLLATE "C" NOT NULL,
  other_id text COLLATE "C" NOT NULL CHECK (other_id <> member_id),
  version bigint NOT NULL CHECK (version >= 0),
  stamp uuid NOT NULL,
  connected_since timestamptz,
  own_invitation_id uuid,
  own_note text,
  own_sent_at timestamptz,
  own_expires_at timestamptz,
  own_ended_how text CHECK (own_ended_how IN ('accepted', 'withdrawn', 'expired')),
  own_ended_at timestamptz,
  own_kept_why text CHECK (own_kept_why IN ('declined', 'declined_dont_know', 'declined_spam', 'undelivered', 'blocked')),
  own_kept_at timestamptz,
  own_reminder_moments smallint CHECK (own_reminder_moments >= 0),
  own_reminders uuid[],
  own_next_due timestamptz,
  own_follow_since timestamptz,
  own_follow_hidden boolean,
  own_blocking_since timestamptz,
  own_unblocked_at timestamptz,
  own_bars boolean NOT NULL,
  own_quiet_until timestamptz,
  other_invitation_id uuid,
  other_note text,
  other_sent_at timestamptz,
  other_expires_at timestamptz,
  other_ended_how text CHECK (other_ended_how IN ('accepted', 'withdrawn', 'expired')),
  other_ended_at timestamptz,
  other_kept_why text CHECK (other_kept_why IN ('declined', 'declined_dont_know', 'declined_spam', 'undelivered', 'blocked')),
  other_kept_at timestamptz,
  other_reminder_moments smallint CHECK (other_reminder_moments >= 0),
  other_reminders uuid[],
  other_next_due timestamptz,
  other_follow_since timestamptz,
  other_follow_hidden boolean,
  other_blocking_since timestamptz,
  other_unblocked_at timestamptz,
  other_bars boolean NOT NULL,
  other_quiet_until timestamptz,
  listed_sent uuid,
  listed_received uuid,
  listed_connection timestamptz,
  listed_following timestamptz,
  listed_follower timestamptz,
  listed_block timestamptz,
  due_at timestamptz CHECK (due_at IS NULL OR member_id < other_id),
  PRIMARY KEY (member_id, other_id),
  CHECK (num_nulls(own_invitation_id, own_sent_at, own_reminder_moments, own_reminders) IN (0, 4)),
  CHECK (num_nulls(other_invitation_id, other_sent_at, other_reminder_moments, other_reminders) IN (0, 4)),
  CHECK ((own_ended_how IS NULL) = (own_ended_at IS NULL) AND (other_ended_how IS NULL) = (other_ended_at IS NULL)),
  CHECK ((own_kept_why IS NULL) = (own_kept_at IS NULL) AND (other_kept_why IS NULL) = (other_kept_at IS NULL)),
  CHECK ((own_follow_since IS NULL) = (own_follow_hidden IS NULL)),
  CHECK ((other_follow_since IS NULL) = (other_follow_hidden IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX relations_sent ON relations (member_id, listed_sent) WHERE listed_sent IS NOT NULL;
CREATE INDEX relations_received ON relations (member_id, listed_received) WHERE listed_received IS NOT NULL;
CREATE INDEX relations_connections ON relations (member_id, listed_connection, other_id) WHERE listed_connection IS NOT NULL;
CREATE INDEX relations_following ON relations (member_id, listed_following, other_id) WHERE listed_following IS NOT NULL;
CREATE INDEX relations_followers ON relations (member_id, listed_follower, other_id) WHERE listed_follower IS NOT NULL;
CREATE INDEX relations_blocks ON relations (member_id, listed_block, other_id) WHERE listed_block IS NOT NULL;
CREATE INDEX relations_due ON relations (due_at, member_id, other_id) WHERE due_at IS NOT NULL;

COMMENT ON TABLE relations IS 'All there is between two members, once from the side of each: two rows that always change together.';
COMMENT ON COLUMN relations.member_id IS 'The member whose side this row is.';
COMMENT ON COLUMN relations.other_id IS 'The other member.';
COMMENT ON COLUMN relations.version IS 'Counts the changes; the same in both rows.';
COMMENT ON COLUMN relations.stamp IS 'The greatest event id of the commit that wrote the row; later ids come after it.';
COMMENT ON COLUMN relations.connected_since IS 'Since when the two are connected.';
COMMENT ON COLUMN relations.own_invitation_id IS 'The last invitation that the member sent to the other, pending or ended.';
COMMENT ON COLUMN relations.own_note IS 'What the member wrote with it.';
COMMENT ON COLUMN relations.own_sent_at IS 'When it was sent.';
COMMENT ON COLUMN relations.own_expires_at IS 'When it ends by itself (rule 11).';
COMMENT ON COLUMN relations.own_ended_how IS 'How it ended for its sender: accepted, withdrawn, expired; null is pending.';
COMMENT ON COLUMN relations.own_ended_at IS 'When it ended for its sender.';
COMMENT ON COLUMN relations.own_kept_why IS 'Why the recipient does not have it before them: declined (perhaps with a complaint), undelivered, blocked. The sender never learns of it.';
COMMENT ON COLUMN relations.own_kept_at IS 'Since when it is kept from the recipient.';
COMMENT ON COLUMN relations.own_reminder_moments IS 'How many reminder moments have passed, used or not (rule 22).';
COMMENT ON COLUMN relations.own_reminders IS 'The reminders that the recipient got, to be retracted when it ends (rule 8).';
COMMENT ON COLUMN relations.own_next_due IS 'The next moment at which something is due for it (rules 11 and 22).';
COMMENT ON COLUMN relations.own_follow_since IS 'Since when the member follows the other (rule 17).';
COMMENT ON COLUMN relations.own_follow_hidden IS 'Whether the other, having blocked the member, does not see that they follow (rule 20).';
COMMENT ON COLUMN relations.own_blocking_since IS 'Since when the member blocks the other (rule 20).';
COMMENT ON COLUMN relations.own_unblocked_at IS 'When the member last unblocked the other (rule 20).';
COMMENT ON COLUMN relations.own_bars IS 'Whether the member called the other unknown or spam: the other''s invitations are not delivered (rule 6).';
COMMENT ON COLUMN relations.own_quiet_until IS 'Until when the other''s invitations are kept from the member after a decline (rule 10).';
COMMENT ON COLUMN relations.other_invitation_id IS 'The last invitation that the other sent to the member, pending or ended.';
COMMENT ON COLUMN relations.other_note IS 'What the other wrote with it.';
COMMENT ON COLUMN relations.other_sent_at IS 'When it was sent.';
COMMENT ON COLUMN relations.other_expires_at IS 'When it ends by itself (rule 11).';
COMMENT ON COLUMN relations.other_ended_how IS 'How it ended for its sender: accepted, withdrawn, expired; null is pending.';
COMMENT ON COLUMN relations.other_ended_at IS 'When it ended for its sender.';
COMMENT ON COLUMN relations.other_kept_why IS 'Why the member does not have it before them, as in own_kept_why.';
COMMENT ON COLUMN relations.other_kept_at IS 'Since when it is kept from the member.';
COMMENT ON COLUMN relations.other_reminder_moments IS 'How many reminder moments have passed, used or not (rule 22).';
COMMENT ON COLUMN relations.other_reminders IS 'The reminders that the member got, to be retracted when it ends (rule 8).';
COMMENT ON COLUMN relations.other_next_due IS 'The next moment at which something is due for it (rules 11 and 22).';
COMMENT ON COLUMN relations.other_follow_since IS 'Since when the other follows the member (rule 17).';
COMMENT ON COLUMN relations.other_follow_hidden IS 'Whether the member, having blocked the other, does not see that they follow (rule 20).';
COMMENT ON COLUMN relations.other_blocking_since IS 'Since when the other blocks the member (rule 20).';
COMMENT ON COLUMN relations.other_unblocked_at IS 'When the other last unblocked the member (rule 20).';
COMMENT ON COLUMN relations.other_bars IS 'Whether the other called the member unknown or spam: the member''s invitations are not delivered (rule 6).';
COMMENT ON COLUMN relations.other_quiet_until IS 'Until when the member''s invitations are kept from the other after a decline (rule 10).';
COMMENT ON COLUMN relations.listed_sent IS 'The invitation in the member''s list of pending sent ones, if any. The columns listed_ are what the member may see, and all that lists are read from.';
COMMENT ON COLUMN relations.listed_received IS 'The invitation in the member''s list of pending received ones, if any.';
COMMENT ON COLUMN relations.listed_connection IS 'Since when the other stands in the member''s list of connections.';
COMMENT ON COLUMN relations.listed_following IS 'Since when the other stands in the list of those whom the member follows.';
COMMENT ON COLUMN relations.listed_follower IS 'Since when the other stands in the list of the member''s followers.';
COMMENT ON COLUMN relations.listed_block IS 'Since when the other stands in the list of those whom the member blocks.';
COMMENT ON COLUMN relations.due_at IS 'When a reminder or an ending is next due between the two; only in the row of the member whose id comes first.';

CREATE TABLE past_invitations (
  member_id text COLLATE "C" NOT NULL,
  invitation_id uuid NOT NULL,
  direction text NOT NULL CHECK (direction IN ('sent', 'received')),
  other_id text COLLATE "C" NOT NULL,
  note text,
  state text NOT NULL CHECK (state IN ('accepted', 'declined', 'withdrawn', 'expired', 'gone')),
  sent_at timestamptz NOT NULL,
  expires_at timestamptz,
  decided_at timestamptz,
  PRIMARY KEY (member_id, invitation_id)
);

COMMENT ON TABLE past_invitations IS 'Invitations that are over, each as the member sees it.';
COMMENT ON COLUMN past_invitations.member_id IS 'Who sees it.';
COMMENT ON COLUMN past_invitations.invitation_id IS 'Which invitation.';
COMMENT ON COLUMN past_invitations.direction IS 'Whether the member sent or received it: sent, received.';
COMMENT ON COLUMN past_invitations.other_id IS 'The other one of the two.';
COMMENT ON COLUMN past_invitations.note IS 'What the sender wrote with it, if the member may still see that.';
COMMENT ON COLUMN past_invitations.state IS 'How it stands for the member: accepted, declined, withdrawn, expired, gone.';
COMMENT ON COLUMN past_invitations.sent_at IS 'When it was sent.';
COMMENT ON COLUMN past_invitations.expires_at IS 'When it would have ended by itself.';
COMMENT ON COLUMN past_invitations.decided_at IS 'When it stopped being pending for the member.';

CREATE TABLE notifications (
  member_id text COLLATE "C" NOT NULL,
  notification_id uuid NOT NULL,
  at timestamptz NOT NULL,
  about text COLLATE "C" NOT NULL,
  invitation_id uuid,
  kind text NOT NULL CHECK (kind IN ('invitation_received', 'invitation_reminder', 'invitation_accepted', 'engagement')),
  engagement_kind text CHECK (engagement_kind IN ('like', 'comment', 'share')),
  engagement_subject text,
  engagement_text text,
  PRIMARY KEY (member_id, notification_id),
  CHECK ((kind = 'engagement') = (engagement_kind IS NOT NULL))
);

COMMENT ON TABLE notifications IS 'Lines in the members'' notifications. That an invitation arrived is not among them: it is read off the pending received ones.';
COMMENT ON COLUMN notifications.member_id IS 'Who is notified.';
COMMENT ON COLUMN notifications.notification_id IS 'Which; ids ascend with time.';
COMMENT ON COLUMN notifications.at IS 'When.';
COMMENT ON COLUMN notifications.about IS 'Which other member it is about.';
COMMENT ON COLUMN notifications.invitation_id IS 'Which invitation it is about, if any.';
COMMENT ON COLUMN notifications.kind IS 'What: invitation_received, invitation_reminder, invitation_accepted, engagement.';
COMMENT ON COLUMN notifications.engagement_kind IS 'What somebody did: like, comment, share (rule 18).';
COMMENT ON COLUMN notifications.engagement_subject IS 'What it is about, in the host''s words.';
COMMENT ON COLUMN notifications.engagement_text IS 'What was said.';

CREATE TABLE events (
  member_id text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  at timestamptz NOT NULL,
  actor text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  invitation_id uuid,
  kind text NOT NULL CHECK (kind IN (
    'invitation.created', 'invitation.accepted', 'invitation.declined', 'invitation.withdrawn', 'invitation.expired',
    'invitation.reminded', 'connection.removed', 'follow.created', 'follow.removed', 'block.created', 'block.removed',
    'engagement.created', 'member.restricted', 'member.updated', 'member.erased')),
  delivered boolean,
  complaint text CHECK (complaint IN ('dont_know', 'spam')),
  reminder_number smallint CHECK (reminder_number >= 0),
  engagement_id uuid,
  engagement_kind text CHECK (engagement_kind IN ('like', 'comment', 'share')),
  engagement_subject text,
  engagement_text text,
  restricted_until timestamptz,
  restricted_class text CHECK (restricted_class IN ('unanswered_or_reported', 'pace')),
  PRIMARY KEY (member_id, event_id)
);

CREATE INDEX events_in_order ON events (event_id);

COMMENT ON TABLE events IS 'What happened, in the order of event_id.';
COMMENT ON COLUMN events.member_id IS 'With which member''s rows it is kept: the one of actor and subject whose id comes first.';
COMMENT ON COLUMN events.event_id IS 'Which; ids ascend in the order of commits.';
COMMENT ON COLUMN events.at IS 'When.';
COMMENT ON COLUMN events.actor IS 'Whose act it was; for a reminder or an end by itself, the sender.';
COMMENT ON COLUMN events.subject IS 'Whom it concerns.';
COMMENT ON COLUMN events.invitation_id IS 'Which invitation it is about, if any.';
COMMENT ON COLUMN events.kind IS 'What happened.';
COMMENT ON COLUMN events.delivered IS 'Whether the recipient sees what was created (invitation.created, engagement.created).';
COMMENT ON COLUMN events.complaint IS 'What the recipient said (invitation.declined): dont_know, spam.';
COMMENT ON COLUMN events.reminder_number IS 'The first, the second, … (invitation.reminded).';
COMMENT ON COLUMN events.engagement_id IS 'Which engagement (engagement.created).';
COMMENT ON COLUMN events.engagement_kind IS 'What somebody did: like, comment, share (engagement.created).';
COMMENT ON COLUMN events.engagement_subject IS 'What it is about, in the host''s words (engagement.created).';
COMMENT ON COLUMN events.engagement_text IS 'What was said (engagement.created).';
COMMENT ON COLUMN events.restricted_until IS 'Until when (member.restricted).';
COMMENT ON COLUMN events.restricted_class IS 'What for (member.restricted): unanswered_or_reported, pace.';

CREATE TABLE idempotency_records (
  member_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint uuid NOT NULL,
  at timestamptz NOT NULL,
  answer jsonb NOT NULL,
  PRIMARY KEY (member_id, key)
);

CREATE INDEX idempotency_records_by_age ON idempotency_records (at);

COMMENT ON TABLE idempotency_records IS 'Which keys were used for what, and what was answered.';
COMMENT ON COLUMN idempotency_records.member_id IS 'On whose behalf the key was used: a member, or a scope of the host.';
COMMENT ON COLUMN idempotency_records.key IS 'The key that the caller chose.';
COMMENT ON COLUMN idempotency_records.fingerprint IS 'A digest of the request (16 bytes), to tell another request under the same key.';
COMMENT ON COLUMN idempotency_records.at IS 'When it was made.';
COMMENT ON COLUMN idempotency_records.answer IS 'What was answered.';

CREATE TABLE servers (
  member_id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (member_id LIKE '#server-%'),
  commits bigint NOT NULL CHECK (commits >= 0),
  low_water uuid NOT NULL,
  beats bigint NOT NULL CHECK (beats >= 0)
) WITH (fillfactor = 50);

COMMENT ON TABLE servers IS 'One row for each server process that commits. It fences a process that was taken for dead, tells what became of a commit, and says up to where events are complete.';
COMMENT ON COLUMN servers.member_id IS 'Which process: #server- and a random id, which no member can bear.';
COMMENT ON COLUMN servers.commits IS 'How many commits it made; each commit raises it from the number before.';
COMMENT ON COLUMN servers.low_water IS 'It will commit no event at or below this one any more.';
COMMENT ON COLUMN servers.beats IS 'Rises while the process lives; one that stands still is removed.';

CREATE TABLE leases (
  member_id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (member_id LIKE '#lease-%'),
  holder text COLLATE "C" NOT NULL,
  beats bigint NOT NULL CHECK (beats >= 0)
) WITH (fillfactor = 50);

COMMENT ON TABLE leases IS 'Work that one server does for all, and which one.';
COMMENT ON COLUMN leases.member_id IS 'Which work: #lease- and its name.';
COMMENT ON COLUMN leases.holder IS 'The server that does it.';
COMMENT ON COLUMN leases.beats IS 'Rises while the holder lives; a lease that stands still is taken over.';

-- That a wait is over (rule 41). Nothing of the kind is written before a wait of the policy has passed since an
-- invitation was withdrawn through a program that knows it, so programs of the version before go on meanwhile.

ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN (
  'invitation_received', 'invitation_reminder', 'invitation_accepted', 'engagement', 'may_invite_again'));
COMMENT ON COLUMN notifications.kind IS 'What: invitation_received, invitation_reminder, invitation_accepted, engagement, may_invite_again.';

ALTER TABLE events DROP CONSTRAINT events_kind_check;
ALTER TABLE events ADD CONSTRAINT events_kind_check CHECK (kind IN (
  'invitation.created', 'invitation.accepted', 'invitation.declined', 'invitation.withdrawn', 'invitation.expired',
  'invitation.reminded', 'invitation.wait_ended', 'connection.removed', 'follow.created', 'follow.removed',
  'block.created', 'block.removed', 'engagement.created', 'member.restricted', 'member.updated', 'member.erased'));

COMMENT ON COLUMN relations.own_next_due IS 'The next moment at which something is due for it (rules 11, 22 and 41).';
COMMENT ON COLUMN relations.other_next_due IS 'The next moment at which something is due for it (rules 11, 22 and 41).';

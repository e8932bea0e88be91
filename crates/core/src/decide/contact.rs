//! Connections, follows, blocks and engagements; and forgetting all of it.

use super::{Answer, Draft, Who};
use crate::command::Engagement;
use crate::event::{EventKind, NotificationKind};
use crate::ids::EngagementId;
use crate::member::Registration;
use crate::policy::REBLOCK_WAIT;
use crate::refusal::{Code, Refusal};
use crate::relation::{Ending, State, Why};

impl Draft<'_> {
    /// Ends the connection, and with it both follows, so that nobody can tell it from a block.
    pub(super) fn disconnect(&mut self) -> Result<Answer, Refusal> {
        if self.end_connection() {
            self.stop_following(Who::Actor);
            self.stop_following(Who::Other);
        }
        Ok(Answer::Done)
    }

    fn end_connection(&mut self) -> bool {
        let connected = self.relation.state.connected_since.is_some();
        if connected {
            self.relation_mut().state.connected_since = None;
            for who in [Who::Actor, Who::Other] {
                let ledger = &mut self.member_mut(who).ledger;
                ledger.connections = ledger.connections.saturating_sub(1);
            }
            self.tell(Who::Actor, None, EventKind::ConnectionRemoved);
        }
        connected
    }

    /// Rule 17.
    pub(super) fn follow(&mut self) -> Result<Answer, Refusal> {
        self.refuse_erasing()?;
        if self.side(Who::Actor).blocking_since.is_some() {
            return Err(Code::Blocking.refuse());
        }
        self.start_following(Who::Actor);
        Ok(Answer::Done)
    }

    /// Rule 17.
    pub(super) fn unfollow(&mut self) -> Result<Answer, Refusal> {
        self.stop_following(Who::Actor);
        Ok(Answer::Done)
    }

    fn stop_following(&mut self, who: Who) {
        if self.side(who).follow.is_some() {
            self.side_mut(who).follow = None;
            self.tell(who, None, EventKind::FollowRemoved);
        }
    }

    /// Rule 20: what the blocked one sees of their own stays; it only no longer reaches the blocker.
    pub(super) fn block(&mut self) -> Result<Answer, Refusal> {
        self.refuse_erasing()?;
        let now = self.now();
        let mine = self.side(Who::Actor);
        if mine.blocking_since.is_some() {
            return Ok(Answer::Done);
        }
        match mine.unblocked_at.map(|at| at + REBLOCK_WAIT) {
            Some(retry_at) if now < retry_at => return Err(Code::Cooldown.until(retry_at)),
            _ => {}
        }
        // A block that ends a connection looks like the end of a connection; one that does not
        // leaves the other's follow in place for the other.
        let was_connected = self.end_connection();
        self.stop_following(Who::Actor);
        if was_connected {
            self.stop_following(Who::Other);
        } else if let Some(follow) = &mut self.side_mut(Who::Other).follow {
            follow.hidden = true;
        }
        self.withdraw_pending();
        self.keep_from_recipient(Who::Other, Why::Blocked);
        self.side_mut(Who::Actor).blocking_since = Some(now);
        self.tell(Who::Actor, None, EventKind::BlockCreated);
        Ok(Answer::Done)
    }

    /// Rule 20: unblocking restores nothing.
    pub(super) fn unblock(&mut self) -> Result<Answer, Refusal> {
        let now = self.now();
        let mine = self.side_mut(Who::Actor);
        if mine.blocking_since.take().is_some() {
            mine.unblocked_at = Some(now);
            self.tell(Who::Actor, None, EventKind::BlockRemoved);
        }
        Ok(Answer::Done)
    }

    /// Rule 18. Somebody who blocks the acting member is not bothered, and the other not told.
    pub(super) fn engage(&mut self, engagement: &Engagement) -> Result<Answer, Refusal> {
        self.refuse_erasing()?;
        if self.side(Who::Actor).blocking_since.is_some() {
            return Err(Code::Blocking.refuse());
        }
        let id = EngagementId(self.moment.id);
        let delivered = self.side(Who::Other).blocking_since.is_none();
        let kind = EventKind::EngagementCreated { id, engagement: engagement.clone(), delivered };
        self.tell(Who::Actor, None, kind);
        if delivered {
            self.notify(Who::Other, None, NotificationKind::Engagement(engagement.clone()));
        }
        Ok(Answer::Engaged(id))
    }

    /// Nothing new begins with a member who is being erased, or it would be left behind.
    pub(super) fn refuse_erasing(&self) -> Result<(), Refusal> {
        let erasing = |who| self.member(who).profile.registration == Registration::Erasing;
        if erasing(Who::Actor) || erasing(Who::Other) { Err(Code::UnknownMember.refuse()) } else { Ok(()) }
    }

    /// Removes the relation, and what it counted for the other one. No event: nothing happened
    /// that anybody is to be told.
    pub(super) fn forget(&mut self) -> Result<Answer, Refusal> {
        let now = self.now();
        self.end_invitation(Who::Actor, Ending::Withdrawn, now);
        self.end_invitation(Who::Other, Ending::Expired, now);
        self.end_connection();
        self.events.clear();
        self.relation_mut().state = State::default();
        self.forgotten = true;
        Ok(Answer::Done)
    }
}

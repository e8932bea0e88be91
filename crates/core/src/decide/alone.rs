//! Commands on the acting member's own row.

use std::sync::Arc;

use super::{Answer, Change, Decision, Moment, Written};
use crate::command::{Action, Command};
use crate::event::{Event, EventKind};
use crate::ids::NotificationId;
use crate::member::{Member, Profile, Registration};
use crate::refusal::Code;

/// Decides a command that concerns the acting member alone. One that would be between a member and
/// themselves is refused here.
#[must_use]
pub fn decide_alone(member: &Member, command: &Command, moment: Moment) -> Decision {
    match &command.action {
        Action::Register { profile } => register(member, profile, moment),
        Action::ChangeSettings { who_may_invite, reminders } => {
            let profile =
                Profile { who_may_invite: *who_may_invite, reminders: *reminders, ..(*member.profile).clone() };
            put_profile(member, profile, moment)
        }
        Action::MarkRead { up_to } => mark_read(member, *up_to, moment),
        Action::BeginErasure => begin_erasure(member),
        Action::FinishErasure => finish_erasure(member, moment),
        Action::Invite { .. } => refused(Code::SelfInvitation),
        Action::Withdraw { .. } | Action::Accept { .. } | Action::Decline { .. } => refused(Code::NotFound),
        Action::Disconnect { .. }
        | Action::Follow { .. }
        | Action::Unfollow { .. }
        | Action::Block { .. }
        | Action::Unblock { .. }
        | Action::Engage { .. }
        | Action::Due { .. }
        | Action::Forget { .. } => refused(Code::SelfTarget),
    }
}

fn refused(code: Code) -> Decision {
    Decision { change: Change::default(), answer: Err(code.refuse()) }
}

fn done(actor: Written<Arc<Member>>, events: Vec<Event>, answer: Answer) -> Decision {
    Decision { change: Change { actor, events, ..Change::default() }, answer: Ok(answer) }
}

fn with_profile(member: &Member, profile: Arc<Profile>) -> Written<Arc<Member>> {
    Written::Put(Arc::new(Member { version: member.version + 1, profile, ..member.clone() }))
}

fn own_event(member: &Member, moment: Moment, kind: EventKind) -> Vec<Event> {
    let id = member.id.clone();
    vec![Event { at: moment.now, actor: id.clone(), subject: id, invitation: None, kind }]
}

fn register(member: &Member, profile: &Profile, moment: Moment) -> Decision {
    put_profile(member, Profile { registration: Registration::Registered, ..profile.clone() }, moment)
}

fn put_profile(member: &Member, profile: Profile, moment: Moment) -> Decision {
    if member.profile.registration == Registration::Erasing {
        return refused(Code::UnknownMember);
    }
    let profile = Arc::new(profile);
    if *profile == *member.profile {
        return done(Written::Unchanged, Vec::new(), Answer::Registered(profile));
    }
    let events = own_event(member, moment, EventKind::MemberUpdated);
    done(with_profile(member, Arc::clone(&profile)), events, Answer::Registered(profile))
}

fn mark_read(member: &Member, up_to: Option<NotificationId>, moment: Moment) -> Decision {
    // What is new bears a later id than the command that read the old.
    let mark = up_to.unwrap_or(NotificationId(moment.id)).min(NotificationId(moment.id));
    if member.ledger.read_until >= Some(mark) {
        return done(Written::Unchanged, Vec::new(), Answer::Done);
    }
    let mut next = Member { version: member.version + 1, ..member.clone() };
    next.ledger.read_until = Some(mark);
    done(Written::Put(Arc::new(next)), Vec::new(), Answer::Done)
}

/// From here on nobody may invite the member; what was known about them is gone already.
fn begin_erasure(member: &Member) -> Decision {
    let erasing = Profile { registration: Registration::Erasing, reminders: false, ..Profile::default() };
    done(with_profile(member, Arc::new(erasing)), Vec::new(), Answer::Done)
}

fn finish_erasure(member: &Member, moment: Moment) -> Decision {
    match (member.version, member.profile.registration) {
        (0, _) | (_, Registration::None | Registration::Registered) => refused(Code::NotFound),
        (_, Registration::Erasing) => {
            done(Written::Removed, own_event(member, moment, EventKind::MemberErased), Answer::Done)
        }
    }
}

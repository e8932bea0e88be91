//! Who may do what: one table of operations, and one pure function that every call goes through.
//!
//! The table says for whom an operation is; [`admit`] compares it with who is calling and about whom
//! the call is. What a member is shown of an invitation or a relation is not decided here but in
//! [`view`](crate::view): a thing that somebody may not see does not exist for them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::MemberId;

/// What a key of the host's is good for. None includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To read, for any member and for the host itself.
    Read,
    /// To register members and to act for any of them.
    Act,
    /// To erase members, to manage keys and webhooks, to set the clock.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Act, Scope::Admin];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Act => "act",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text is not the word of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is read, act or admin")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(ScopeError)
    }
}

/// Who is calling, as far as it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The product that embeds the server, with one of its keys.
    Host {
        /// The name of the key, for records.
        key: Arc<str>,
        /// What the key is good for.
        scopes: Arc<[Scope]>,
    },
    /// A member, by a token that the host has signed.
    Member(MemberId),
    /// Somebody who looks after the community, with a key of their own. They act for nobody.
    Operator {
        /// The name of the key, which stands for the person.
        key: Arc<str>,
    },
}

/// For whom an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Whoever asks.
    Anybody,
    /// The member; the host with this scope, for a member whom it names.
    Member(Scope),
    /// As [`Rule::Member`], but the host may call for nobody, and sees more then.
    Viewer(Scope),
    /// The member whom the call is about; operators; the host with this scope. To everybody else that
    /// member does not exist.
    Own(Scope),
    /// The host with this scope.
    Host(Scope),
    /// Operators; the host with this scope.
    Operator(Scope),
}

macro_rules! operations {
    ($($operation:ident => $name:literal, $rule:expr;)*) => {
        /// What can be asked of the server, by the name that it has in the description of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is described where it is served")]
        pub enum Operation {
            $($operation),*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Operation] = &[$(Operation::$operation),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Operation::$operation => $name),* }
            }

            /// For whom it is.
            #[must_use]
            pub const fn rule(self) -> Rule {
                match self { $(Operation::$operation => $rule),* }
            }
        }
    };
}

use Rule::{Anybody, Host, Member, Operator, Own, Viewer};
use Scope::{Act, Admin, Read};

operations! {
    Health => "health", Anybody;
    Readiness => "readiness", Anybody;
    // Counts of a small community tell what somebody did in silence, so they are for no member.
    Metrics => "metrics", Anybody;
    Description => "openapi", Anybody;
    Problem => "getProblem", Anybody;

    GetMember => "getMember", Viewer(Read);
    PutMember => "putMember", Host(Act);
    EraseMember => "eraseMember", Operator(Admin);
    ExportMember => "exportMember", Own(Read);
    CreateTicket => "createTicket", Host(Act);
    EndSessions => "endSessions", Operator(Act);

    Invite => "invite", Member(Act);
    CheckInvitation => "checkInvitation", Member(Read);
    GetInvitation => "getInvitation", Member(Read);
    ListSent => "listSentInvitations", Member(Read);
    ListReceived => "listReceivedInvitations", Member(Read);
    Withdraw => "withdrawInvitation", Member(Act);
    Accept => "acceptInvitation", Member(Act);
    Decline => "declineInvitation", Member(Act);
    GetRelation => "getRelation", Member(Read);

    ListConnections => "listConnections", Member(Read);
    Disconnect => "disconnect", Member(Act);
    ListFollowing => "listFollowing", Member(Read);
    ListFollowers => "listFollowers", Member(Read);
    Follow => "follow", Member(Act);
    Unfollow => "unfollow", Member(Act);
    ListBlocks => "listBlocks", Member(Read);
    Block => "block", Member(Act);
    Unblock => "unblock", Member(Act);
    Engage => "engage", Member(Act);

    GetStanding => "getStanding", Member(Read);
    ListNotifications => "listNotifications", Member(Read);
    MarkNotificationsRead => "markNotificationsRead", Member(Act);

    PreviewCleanup => "previewCleanup", Member(Read);
    GetCleanupPlan => "getCleanupPlan", Member(Read);
    MakeCleanupPlan => "makeCleanupPlan", Member(Act);
    PauseCleanupPlan => "pauseCleanupPlan", Member(Act);
    ResumeCleanupPlan => "resumeCleanupPlan", Member(Act);
    CancelCleanupPlan => "cancelCleanupPlan", Member(Act);
    SkipInCleanupPlan => "skipInCleanupPlan", Member(Act);
    GetSkipList => "getSkipList", Member(Read);
    PutSkipList => "putSkipList", Member(Act);
    ListSuggestions => "listCleanupSuggestions", Member(Read);
    ListWaiting => "listWaiting", Member(Read);
    GetWaitCalendar => "getWaitCalendar", Member(Read);
    RenewWaitCalendar => "renewWaitCalendar", Member(Act);
    CloseWaitCalendar => "closeWaitCalendar", Member(Act);
    // The address is the key.
    ReadCalendar => "readCalendar", Anybody;
    GetInsights => "getInsights", Member(Read);
    GetInsightsFigure => "getInsightsFigure", Member(Read);

    CarryOutCommands => "carryOutCommands", Host(Act);
    ListEvents => "listEvents", Host(Read);
    ListEventSchemas => "listEventSchemas", Host(Read);
    // Not for operators: whoever names an endpoint, or has its secret, is told what everybody does.
    CreateWebhook => "createWebhook", Host(Admin);
    PutWebhook => "putWebhook", Host(Admin);
    RotateWebhookSecret => "rotateWebhookSecret", Host(Admin);
    ListWebhooks => "listWebhooks", Operator(Admin);
    GetWebhook => "getWebhook", Operator(Admin);
    DeleteWebhook => "deleteWebhook", Operator(Admin);
    EnableWebhook => "enableWebhook", Operator(Admin);
    DisableWebhook => "disableWebhook", Operator(Admin);
    TestWebhook => "testWebhook", Operator(Admin);
    ListWebhookDeliveries => "listWebhookDeliveries", Operator(Admin);
    ReplayWebhookDelivery => "replayWebhookDelivery", Operator(Admin);
    RedriveWebhook => "redriveWebhook", Operator(Admin);
    ListDeadLetters => "listDeadLetters", Operator(Admin);
    RedriveDeadLetter => "redriveDeadLetter", Operator(Admin);
    ListKeys => "listKeys", Operator(Admin);
    // Not for operators: whoever can make a key of the host's can act for anybody.
    CreateKey => "createKey", Host(Admin);
    RevokeKey => "revokeKey", Operator(Admin);
    ListAudit => "listAudit", Operator(Admin);
    GetClock => "getClock", Operator(Read);
    SetClock => "setClock", Operator(Admin);
    AdvanceClock => "advanceClock", Operator(Admin);
}

impl Operation {
    /// The operation of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// Whether it only shows what tells nobody's secrets.
    const fn only_looks(self) -> bool {
        use Operation::{GetClock, GetWebhook, ListAudit, ListKeys, ListWebhookDeliveries, ListWebhooks};
        matches!(self, ListKeys | ListAudit | GetClock | ListWebhooks | GetWebhook | ListWebhookDeliveries)
    }

    /// Whether the audit trail says that somebody did it: administration, and whatever an operator
    /// does that changes something or shows what is kept about a member.
    #[must_use]
    pub fn is_recorded(self, principal: &Principal) -> bool {
        match (principal, self.rule()) {
            (Principal::Member(_), _) | (_, Anybody) => false,
            (Principal::Operator { .. }, _) => !self.only_looks(),
            // Programs of the host's ask for dead letters again and again.
            (Principal::Host { .. }, Host(_) | Operator(_)) if self == Self::ListDeadLetters => false,
            (Principal::Host { .. }, Host(scope) | Operator(scope)) => scope == Admin && !self.only_looks(),
            (Principal::Host { .. }, Own(_)) => true,
            (Principal::Host { .. }, Member(_) | Viewer(_)) => false,
        }
    }

    /// Whether the first part of its path that varies is the member whom it is about.
    #[must_use]
    pub const fn is_about_member(self) -> bool {
        use Operation::{EndSessions, EraseMember, ExportMember, GetMember, PutMember};
        matches!(self, GetMember | PutMember | EraseMember | ExportMember | EndSessions)
    }
}

/// Whom a call names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Named<'a> {
    /// For whom the host says it calls.
    pub caller: Option<&'a MemberId>,
    /// Whom the call is about, where the operation is about a member of their own ([`Rule::Own`]).
    pub subject: Option<&'a MemberId>,
}

/// A call that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who is calling.
    pub principal: Principal,
    /// For whom; `None` is the host itself.
    pub member: Option<MemberId>,
}

/// Why a call may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The operation is not for this principal, or not with this key.
    Forbidden,
    /// The host has to say for whom it calls.
    MemberRequired,
    /// What the call is about does not exist for the caller.
    Invisible,
}

/// Whether a call may be made, and for whom it then is.
///
/// # Errors
/// [`Denied`] says why not. For [`Rule::Anybody`] there is nothing to ask here.
pub fn admit(principal: Principal, operation: Operation, named: Named<'_>) -> Result<Caller, Denied> {
    let rule = operation.rule();
    let member = match &principal {
        Principal::Host { scopes, .. } => as_host(rule, scopes, named)?,
        Principal::Member(id) => Some(as_member(rule, id, named)?),
        Principal::Operator { .. } => as_operator(rule)?,
    };
    Ok(Caller { principal, member })
}

/// An operator calls for nobody.
fn as_operator(rule: Rule) -> Result<Option<MemberId>, Denied> {
    match rule {
        Rule::Anybody | Rule::Own(_) | Rule::Operator(_) => Ok(None),
        Rule::Member(_) | Rule::Viewer(_) | Rule::Host(_) => Err(Denied::Forbidden),
    }
}

fn as_host(rule: Rule, scopes: &[Scope], named: Named<'_>) -> Result<Option<MemberId>, Denied> {
    let (scope, member) = match rule {
        Rule::Anybody => return Ok(None),
        Rule::Member(scope) => (scope, named.caller),
        Rule::Viewer(scope) => (scope, named.caller),
        Rule::Own(scope) | Rule::Host(scope) | Rule::Operator(scope) => (scope, None),
    };
    if !scopes.contains(&scope) {
        return Err(Denied::Forbidden);
    }
    match (rule, member) {
        (Rule::Member(_), None) => Err(Denied::MemberRequired),
        (_, member) => Ok(member.cloned()),
    }
}

/// A member calls for nobody else.
fn as_member(rule: Rule, id: &MemberId, named: Named<'_>) -> Result<MemberId, Denied> {
    if named.caller.is_some_and(|caller| caller != id) {
        return Err(Denied::Forbidden);
    }
    match rule {
        Rule::Host(_) | Rule::Operator(_) => Err(Denied::Forbidden),
        Rule::Own(_) if named.subject != Some(id) => Err(Denied::Invisible),
        Rule::Anybody | Rule::Member(_) | Rule::Viewer(_) | Rule::Own(_) => Ok(id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> MemberId {
        MemberId::new(text).unwrap()
    }

    fn host(scopes: &[Scope]) -> Principal {
        Principal::Host { key: "k".into(), scopes: scopes.into() }
    }

    #[test]
    fn an_operation_is_found_by_its_name_and_by_no_other() {
        for &operation in Operation::ALL {
            assert_eq!(Operation::named(operation.name()), Some(operation));
        }
        assert_eq!(Operation::named("nothing"), None);
        assert_eq!("admin".parse(), Ok(Scope::Admin));
        assert_eq!("Admin".parse::<Scope>(), Err(ScopeError));
    }

    #[test]
    fn a_key_is_good_for_its_scopes_alone() {
        let ann = id("ann");
        for &operation in Operation::ALL {
            let (Rule::Member(scope)
            | Rule::Viewer(scope)
            | Rule::Own(scope)
            | Rule::Host(scope)
            | Rule::Operator(scope)) = operation.rule()
            else {
                continue;
            };
            let named = Named { caller: Some(&ann), subject: None };
            let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
            assert_eq!(admit(host(&others), operation, named), Err(Denied::Forbidden), "{operation:?}");
            assert!(admit(host(&[scope]), operation, named).is_ok(), "{operation:?}");
        }
    }

    /// Every rule × who calls × whom the call names.
    #[test]
    fn the_table_is_walked() {
        let (ann, bob) = (id("ann"), id("bob"));
        let all = || host(&Scope::ALL);
        let member = || Principal::Member(ann.clone());
        let none = Named::default();
        let (as_ann, as_bob) = (Named { caller: Some(&ann), ..none }, Named { caller: Some(&bob), ..none });
        let (of_ann, of_bob) = (Named { subject: Some(&ann), ..none }, Named { subject: Some(&bob), ..none });
        let who = |principal, rule, named| match principal {
            Principal::Host { scopes, .. } => as_host(rule, &scopes, named),
            Principal::Member(id) => as_member(rule, &id, named).map(Some),
            Principal::Operator { .. } => as_operator(rule),
        };
        let operator = || Principal::Operator { key: "k".into() };
        let cases = [
            (all(), Rule::Member(Act), none, Err(Denied::MemberRequired)),
            (all(), Rule::Member(Act), as_bob, Ok(Some(bob.clone()))),
            (all(), Rule::Viewer(Read), none, Ok(None)),
            (all(), Rule::Viewer(Read), as_bob, Ok(Some(bob.clone()))),
            (all(), Rule::Own(Read), of_bob, Ok(None)),
            (all(), Rule::Host(Admin), as_bob, Ok(None)),
            (host(&[]), Rule::Own(Read), of_bob, Err(Denied::Forbidden)),
            (host(&[]), Rule::Anybody, none, Ok(None)),
            (member(), Rule::Anybody, none, Ok(Some(ann.clone()))),
            (member(), Rule::Member(Act), none, Ok(Some(ann.clone()))),
            (member(), Rule::Member(Act), as_ann, Ok(Some(ann.clone()))),
            (member(), Rule::Member(Act), as_bob, Err(Denied::Forbidden)),
            (member(), Rule::Viewer(Read), none, Ok(Some(ann.clone()))),
            (member(), Rule::Viewer(Read), as_bob, Err(Denied::Forbidden)),
            (member(), Rule::Own(Read), of_ann, Ok(Some(ann.clone()))),
            (member(), Rule::Own(Read), of_bob, Err(Denied::Invisible)),
            (member(), Rule::Own(Read), none, Err(Denied::Invisible)),
            (member(), Rule::Host(Read), none, Err(Denied::Forbidden)),
            (member(), Rule::Operator(Read), none, Err(Denied::Forbidden)),
            (all(), Rule::Operator(Admin), as_bob, Ok(None)),
            (host(&[Read]), Rule::Operator(Admin), none, Err(Denied::Forbidden)),
            (operator(), Rule::Anybody, none, Ok(None)),
            (operator(), Rule::Operator(Admin), as_bob, Ok(None)),
            (operator(), Rule::Own(Read), of_bob, Ok(None)),
            (operator(), Rule::Host(Read), none, Err(Denied::Forbidden)),
            (operator(), Rule::Viewer(Read), as_bob, Err(Denied::Forbidden)),
            (operator(), Rule::Member(Act), as_bob, Err(Denied::Forbidden)),
        ];
        for (principal, rule, named, expected) in cases {
            let label = format!("{principal:?} {rule:?} {named:?}");
            assert_eq!(who(principal, rule, named), expected, "{label}");
        }
    }

    #[test]
    fn the_trail_has_administration_and_what_operators_do() {
        let operator = Principal::Operator { key: "k".into() };
        let (product, member) = (host(&Scope::ALL), Principal::Member(id("ann")));
        let recorded =
            |operation: Operation| [&operator, &product, &member].map(|principal| operation.is_recorded(principal));
        assert_eq!(recorded(Operation::EraseMember), [true, true, false]);
        assert_eq!(recorded(Operation::ExportMember), [true, true, false]);
        assert_eq!(recorded(Operation::CreateKey), [true, true, false]);
        assert_eq!(recorded(Operation::EndSessions), [true, false, false], "the product signs members out daily");
        assert_eq!(recorded(Operation::CreateWebhook), [true, true, false]);
        assert_eq!(recorded(Operation::RedriveWebhook), [true, true, false]);
        assert_eq!(recorded(Operation::ListDeadLetters), [true, false, false], "programs of the host's look often");
        assert_eq!(recorded(Operation::Invite)[1..], [false, false]);
        for looks in [
            Operation::ListKeys,
            Operation::ListAudit,
            Operation::ListWebhooks,
            Operation::GetWebhook,
            Operation::ListWebhookDeliveries,
            Operation::GetClock,
            Operation::Metrics,
            Operation::Health,
        ] {
            assert_eq!(recorded(looks), [false; 3], "{looks:?}");
        }
    }
}

//! Groups of refusals, for the document. What every call can be answered with is added in
//! [`document`](super::document).

use utoipa::IntoResponses;

use crate::problem::Document;

/// What an invitation can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum InviteRefused {
    /// `not_accepting_invitations`, `email_required`, `restricted`; `forbidden`.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Document<'static>),
    /// `unknown_member`.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Document<'static>),
    /// `self_invitation`, `already_connected`, `already_pending`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
    /// `cooldown`, `pending_cap`, `rolling_limit`, `connection_cap`, `note_quota`; `too_many_requests`.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Document<'static>),
}

/// What withdrawing or declining can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum AnswerRefused {
    /// `not_found`.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Document<'static>),
    /// `already_accepted`, `no_longer_available`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
}

/// What accepting can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum AcceptRefused {
    /// `not_found`.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Document<'static>),
    /// `no_longer_available`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
    /// `connection_cap`; `too_many_requests`.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Document<'static>),
}

/// What a call about another member can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum ContactRefused {
    /// `self_target`, `blocking`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
}

/// What a block can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum BlockRefused {
    /// `self_target`.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
    /// `cooldown`: no new block within 48 hours of the end of the last (rule 20); `too_many_requests`.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Document<'static>),
}

/// What making a clean-up plan can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum PlanRefused {
    /// `plan_exists`: there is one that is not over.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
}

/// What making a key can meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum KeyRefused {
    /// `key_exists`: there is one of that name.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document<'static>),
}

/// There is nothing that the caller may see.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, not built")]
pub(crate) enum NotFound {
    /// Unknown, or not for the caller to see.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Document<'static>),
}

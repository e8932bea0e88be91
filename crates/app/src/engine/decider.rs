//! The first thread: gathers commands, reads their facts, decides them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use acquaint_core::command::Action;
use acquaint_core::decide::{Answer, Change, Decision, Facts, Moment, Written, decide, decide_alone};
use acquaint_core::event::{Event, RecordedEvent};
use acquaint_core::ids::{EventId, InvitationId, MemberId};
use acquaint_core::member::Member;
use acquaint_core::policy::Policy;
use acquaint_core::refusal::Refusal;
use acquaint_core::relation::{Pair, Relation};
use acquaint_core::time::Time;
use acquaint_core::view::{Direction, InvitationView};
use acquaint_store::{
    Changes, Claim, ClaimName, MemberChange, Order, PendingPage, RelationChange, StoreError, StoreResult, Wanted,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::overlay::{self, Overlay};
use super::{Outcome, Request, Shared, Submission, SubmitError};
use crate::clock::Stopwatch;
use crate::ids::IdSource;

/// How often a command is decided anew because its commit failed, before it is given up.
const ATTEMPTS: u32 = 8;
/// The same where others were faster: of several that want to change a row, one always does.
const CONFLICTS: u32 = 64;
/// Seconds after which nothing is decided anew: whoever asked has given up as well.
const PATIENCE: f64 = 10.0;

/// A submission under way.
pub(super) struct Job {
    pub(super) requests: Vec<Request>,
    pub(super) reply: oneshot::Sender<Vec<Outcome>>,
    pub(super) attempts: u32,
    since: Stopwatch,
    /// Gives the room in the queue back when it is dropped.
    room: OwnedSemaphorePermit,
}

/// A batch that was decided: to be committed, then answered.
pub(super) struct Batch {
    pub(super) number: u64,
    /// How many commits had failed when it was decided.
    pub(super) failures: u64,
    pub(super) commands: usize,
    pub(super) changes: Changes,
    pub(super) jobs: Vec<(Job, Vec<Outcome>)>,
}

/// What became of a batch.
pub(super) enum Report {
    /// It is committed, and the cache has its rows.
    Committed(u64),
    /// Its commit failed; these are to be tried again, each group as a batch of its own.
    Failed(Vec<Vec<Job>>),
    /// It was decided on a batch whose commit failed, and is to be tried again.
    Void(Vec<Job>),
}

pub(super) struct Decider {
    shared: Arc<Shared>,
    ids: IdSource,
    max_batch: usize,
    waiting: mpsc::UnboundedReceiver<Submission>,
    decided: mpsc::Sender<Batch>,
    reports: mpsc::UnboundedReceiver<Report>,
    /// Groups of jobs whose commit failed, each to be tried as a batch of its own.
    retries: VecDeque<Vec<Job>>,
    overlay: Overlay,
    /// Failed commits that this thread knows of.
    failures: u64,
    /// Batches made so far; the last one bears this number.
    made: u64,
    /// The jobs in each batch of which nothing was reported yet; reports come in their order.
    in_flight: VecDeque<usize>,
}

impl Decider {
    pub(super) fn new(
        shared: Arc<Shared>,
        ids: IdSource,
        max_batch: usize,
        waiting: mpsc::UnboundedReceiver<Submission>,
        decided: mpsc::Sender<Batch>,
        reports: mpsc::UnboundedReceiver<Report>,
    ) -> Self {
        Self {
            shared,
            ids,
            max_batch,
            waiting,
            decided,
            reports,
            retries: VecDeque::new(),
            overlay: Overlay::default(),
            failures: 0,
            made: 0,
            in_flight: VecDeque::new(),
        }
    }

    /// Works until the queue is closed and everything in it was answered.
    pub(super) async fn run(mut self) {
        // A place for the batch is taken first: while the committer is behind, commands gather.
        while let Ok(place) = self.decided.clone().reserve_owned().await {
            let Some(jobs) = self.gather().await else { return };
            let batch = self.decide_batch(jobs).await;
            self.in_flight.push_back(batch.jobs.len());
            place.send(batch);
        }
    }

    /// The next jobs: those whose commit failed first, else what waits in the queue. `None` once
    /// there will be no more.
    ///
    /// While a batch is being committed, half of all that is under way is waited for: then one half
    /// is decided while the other is committed. Taking the first that comes would make batches of
    /// one and of all others in turn, and each thread would wait for the other.
    async fn gather(&mut self) -> Option<Vec<Job>> {
        while let Ok(report) = self.reports.try_recv() {
            self.take_note(report);
        }
        let mut jobs = Vec::new();
        let mut commands = 0;
        loop {
            if jobs.is_empty()
                && let Some(failed) = self.retries.pop_front()
            {
                return Some(failed);
            }
            let under_way = jobs.len() + self.waiting.len() + self.in_flight.iter().sum::<usize>();
            let full = |jobs: &Vec<Job>, commands| jobs.len() >= under_way.div_ceil(2) || commands >= self.max_batch;
            while !full(&jobs, commands)
                && let Ok(next) = self.waiting.try_recv()
            {
                self.take(next, &mut jobs, &mut commands);
            }
            if !jobs.is_empty() && (self.in_flight.is_empty() || full(&jobs, commands)) {
                return Some(jobs);
            }
            tokio::select! {
                biased;
                Some(report) = self.reports.recv() => self.take_note(report),
                next = self.waiting.recv() => match next {
                    Some(next) => self.take(next, &mut jobs, &mut commands),
                    None if !jobs.is_empty() => return Some(jobs),
                    None if self.in_flight.is_empty() => return None,
                    // What is under way may yet come back.
                    None => {
                        let report = self.reports.recv().await?;
                        self.take_note(report);
                    }
                },
            }
        }
    }

    /// Takes a submission off the queue. The last of a batch may take it over its size, by less than
    /// its own length.
    fn take(&self, submission: Submission, jobs: &mut Vec<Job>, commands: &mut usize) {
        let more = submission.requests.len();
        self.shared.metrics.queue_depth.dec_by(i64::try_from(more).unwrap_or(i64::MAX));
        *commands += more;
        jobs.push(Job::from(submission));
    }

    fn take_note(&mut self, report: Report) {
        self.in_flight.pop_front();
        match report {
            Report::Committed(number) => self.overlay.forget_until(number),
            Report::Failed(groups) => {
                self.failures += 1;
                // Whatever was decided since was decided on rows that will never be.
                self.overlay.clear();
                self.retries.extend(groups);
            }
            Report::Void(jobs) => self.retries.push_back(jobs),
        }
    }

    async fn decide_batch(&mut self, jobs: Vec<Job>) -> Batch {
        self.made += 1;
        let (number, failures) = (self.made, self.failures);
        let commands = jobs.iter().map(|job| job.requests.len()).sum();
        let requests = || jobs.iter().flat_map(|job| &job.requests);
        let mut work = match self.read_facts(requests()).await {
            Ok(facts) => Work::new(facts),
            Err(error) => return failed_batch(number, failures, commands, jobs, &error),
        };
        let policy = Arc::clone(&self.shared.policy.borrow());
        let mut outcomes = Vec::with_capacity(commands);
        for request in requests() {
            outcomes.push(self.decide_one(&mut work, request, &policy).await);
        }
        let mut outcomes = outcomes.into_iter();
        let jobs = jobs.into_iter().map(|job| {
            let own = outcomes.by_ref().take(job.requests.len()).collect();
            (job, own)
        });
        let jobs: Vec<(Job, Vec<Outcome>)> = jobs.collect();
        let mut changes = work.into_changes();
        if jobs.iter().any(|(job, _)| job.is_beat()) {
            changes.promise = Some(EventId(self.ids.next()));
        }
        self.overlay.push(number, &changes);
        Batch { number, failures, commands, changes, jobs }
    }

    async fn decide_one(&mut self, work: &mut Work, request: &Request, policy: &Policy) -> Outcome {
        if let Some(wanted) = &request.claim
            && let Some(made) = work.claims.get(&wanted.name).or_else(|| self.overlay.claim(&wanted.name))
        {
            let same = made.fingerprint == wanted.fingerprint;
            return if same { Ok(Ok(made.answer.clone())) } else { Err(SubmitError::IdempotencyMismatch) };
        }
        let moment = Moment { now: self.shared.clock.now(), id: self.ids.next() };
        let command = &request.command;
        let decision = match self.facts_of(work, request, policy).await? {
            Some(facts) => {
                let decision = decide(&facts, command, policy, moment);
                work.take(&facts, decision, &mut self.ids)
            }
            None => {
                let actor = work.member(&command.actor);
                let decision = decide_alone(&actor, command, moment);
                work.take_alone(&actor, decision, &mut self.ids)
            }
        };
        match &decision {
            Ok(answer) => work.claim(request, answer, moment.now),
            Err(refusal) => self.shared.metrics.refused(refusal.code),
        }
        if matches!(command.action, Action::Due { .. }) {
            self.shared.metrics.reminders_and_endings.inc();
        }
        Ok(decision)
    }

    /// The facts of a command between two; `None` if it concerns its actor alone.
    async fn facts_of(&self, work: &Work, request: &Request, policy: &Policy) -> StoreResult<Option<Facts>> {
        let command = &request.command;
        let invitation = command.action.invitation().and_then(|id| work.invitation(&command.actor, id));
        let other = command.action.other().or(invitation.map(|view| &view.other));
        let Some(pair) = other.and_then(|other| Pair::new(&command.actor, other)) else { return Ok(None) };
        let actor = work.member(&command.actor);
        let at_cap = policy.limits.pending_cap.is_some_and(|cap| actor.ledger.pending_sent >= cap);
        let oldest_expiry = match command.action {
            Action::Invite { .. } if at_cap => self.oldest_expiry(&command.actor).await?,
            _ => None,
        };
        Ok(Some(Facts {
            other: work.member(pair.other(&command.actor)),
            relation: work.relation(&pair),
            invitation: invitation.map(|view| self.seen_last(work, &pair, view)),
            oldest_expiry,
            actor,
        }))
    }

    /// An invitation as its viewer saw it last: the store may say that it is pending although it has ended, and
    /// another one has taken its place, in this batch or in one on its way.
    fn seen_last(&self, work: &Work, pair: &Pair, read: &InvitationView) -> InvitationView {
        let viewer = if read.other == *pair.low() { pair.high() } else { pair.low() };
        let here = work.ended(pair, viewer, read.id);
        here.or_else(|| self.overlay.ended(pair, viewer, read.id)).unwrap_or_else(|| read.clone())
    }

    async fn oldest_expiry(&self, member: &MemberId) -> StoreResult<Option<Time>> {
        let member = member.clone();
        let page =
            PendingPage { member, direction: Direction::Sent, order: Order::Oldest, after: None, limit: 1, seen: None };
        Ok(self.shared.store.pending(&page).await?.pop().and_then(|view| view.expires_at))
    }

    /// Reads what a batch needs: first what invitations and keys name, then the rows.
    async fn read_facts<'a>(&mut self, requests: impl Iterator<Item = &'a Request> + Clone) -> StoreResult<Read> {
        let mut read = Read::default();
        let named = named(requests.clone());
        self.read_rows(&named, &mut read).await?;
        let mut wanted = Wanted::default();
        if !self.shared.store.is_sole_owner() {
            // Another engine may commit between the two readings. A refusal is checked by no commit, so
            // it must not come from rows of one moment and names of another.
            wanted = named;
        }
        for request in requests {
            let command = &request.command;
            self.want_member(&command.actor, &mut read, &mut wanted);
            let invitation = command.action.invitation().and_then(|id| read.invitation(&command.actor, id));
            let Some(other) = command.action.other().or(invitation.map(|view| &view.other)).cloned() else { continue };
            self.want_member(&other, &mut read, &mut wanted);
            if let Some(pair) = Pair::new(&command.actor, &other) {
                self.want_relation(pair, &mut read, &mut wanted);
            }
        }
        self.read_rows(&wanted, &mut read).await?;
        Ok(read)
    }

    fn want_member(&self, id: &MemberId, read: &mut Read, wanted: &mut Wanted) {
        if read.members.contains_key(id) {
            return;
        }
        let known = self.overlay.member(id).cloned().or_else(|| self.shared.cache.peek_member(id));
        if known.is_none() {
            wanted.members.push(id.clone());
        }
        // What is not known stands as a row that does not exist until it is read.
        let row = known.unwrap_or_else(|| Arc::new(Member::new(id.clone())));
        read.members.insert(id.clone(), row);
    }

    fn want_relation(&self, pair: Pair, read: &mut Read, wanted: &mut Wanted) {
        if read.relations.contains_key(&pair) {
            return;
        }
        let known = self.overlay.relation(&pair);
        if known.is_none() {
            wanted.relations.push(pair.clone());
        }
        let row = known.unwrap_or_else(|| Arc::new(Relation::new(pair.clone())));
        read.relations.insert(pair, row);
    }

    async fn read_rows(&mut self, wanted: &Wanted, read: &mut Read) -> StoreResult<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let loaded = self.shared.store.load(wanted).await?;
        loaded.ids_after.into_iter().for_each(|id| self.ids.come_after(id));
        for member in loaded.members.into_iter().flatten() {
            let member = Arc::new(member);
            self.shared.cache.put_member(Arc::clone(&member));
            read.members.insert(member.id.clone(), member);
        }
        for relation in loaded.relations.into_iter().flatten() {
            let relation = Arc::new(relation);
            read.relations.insert(relation.pair.clone(), relation);
        }
        let views = wanted.invitations.iter().cloned().zip(loaded.invitations);
        read.invitations.extend(views.filter_map(|(name, view)| Some((name, view?))));
        let claims = loaded.claims.into_iter().flatten();
        read.claims.extend(claims.map(|claim| (claim.name.clone(), claim)));
        Ok(())
    }
}

/// The invitations and keys that commands name.
fn named<'a>(requests: impl Iterator<Item = &'a Request>) -> Wanted {
    let mut wanted = Wanted::default();
    for request in requests {
        let invitation = request.command.action.invitation();
        wanted.invitations.extend(invitation.map(|id| (request.command.actor.clone(), id)));
        wanted.claims.extend(request.claim.as_ref().map(|claim| claim.name.clone()));
    }
    wanted
}

/// A batch whose facts could not be read: nothing to commit, the same error for all.
fn failed_batch(number: u64, failures: u64, commands: usize, jobs: Vec<Job>, error: &StoreError) -> Batch {
    let outcomes = |job: &Job| job.requests.iter().map(|_| Err(SubmitError::Store(error.clone()))).collect();
    let jobs = jobs.into_iter().map(|job| {
        let outcomes = outcomes(&job);
        (job, outcomes)
    });
    Batch { number, failures, commands, changes: Changes::default(), jobs: jobs.collect() }
}

/// The rows that a batch begins with.
#[derive(Default)]
struct Read {
    members: HashMap<MemberId, Arc<Member>>,
    relations: HashMap<Pair, Arc<Relation>>,
    invitations: HashMap<(MemberId, InvitationId), InvitationView>,
    claims: HashMap<ClaimName, Claim>,
}

impl Read {
    fn invitation(&self, viewer: &MemberId, id: InvitationId) -> Option<&InvitationView> {
        self.invitations.get(&(viewer.clone(), id))
    }
}

/// A batch while it is decided: the rows as they are by now, and what has come of it so far.
struct Work {
    rows: Read,
    changes: Changes,
    /// Where a row's change stands in `changes`.
    changed_members: HashMap<MemberId, usize>,
    changed_relations: HashMap<Pair, usize>,
    claims: HashMap<ClaimName, Claim>,
}

impl Work {
    fn new(mut rows: Read) -> Self {
        let claims = std::mem::take(&mut rows.claims);
        Self {
            rows,
            changes: Changes::default(),
            changed_members: HashMap::new(),
            changed_relations: HashMap::new(),
            claims,
        }
    }

    fn member(&self, id: &MemberId) -> Arc<Member> {
        self.rows.members.get(id).cloned().unwrap_or_else(|| Arc::new(Member::new(id.clone())))
    }

    fn relation(&self, pair: &Pair) -> Arc<Relation> {
        self.rows.relations.get(pair).cloned().unwrap_or_else(|| Arc::new(Relation::new(pair.clone())))
    }

    fn invitation(&self, viewer: &MemberId, id: InvitationId) -> Option<&InvitationView> {
        self.rows.invitation(viewer, id)
    }

    /// How an invitation ended for `viewer`, if it did in this batch.
    fn ended(&self, pair: &Pair, viewer: &MemberId, id: InvitationId) -> Option<InvitationView> {
        let change = self.changed_relations.get(pair).and_then(|place| self.changes.relations.get(*place))?;
        overlay::ended(change, viewer, id)
    }

    /// Takes over what follows from a command between two.
    fn take(&mut self, facts: &Facts, decision: Decision, ids: &mut IdSource) -> Result<Answer, Refusal> {
        let Change { actor, other, settled, relation, events, notifications } = decision.change;
        self.write_member(&facts.actor, actor);
        self.write_member(&facts.other, other);
        self.write_relation(&facts.relation, settled.map_or(Written::Unchanged, Written::Put));
        self.write_relation(&facts.relation, relation);
        self.changes.notifications.extend(notifications);
        self.record(events, ids);
        decision.answer
    }

    /// Takes over what follows from a command on the actor's own row.
    fn take_alone(&mut self, actor: &Arc<Member>, decision: Decision, ids: &mut IdSource) -> Result<Answer, Refusal> {
        self.write_member(actor, decision.change.actor);
        self.record(decision.change.events, ids);
        decision.answer
    }

    fn record(&mut self, events: Vec<Event>, ids: &mut IdSource) {
        let recorded = events.into_iter().map(|event| RecordedEvent { id: EventId(ids.next()), event });
        self.changes.events.extend(recorded);
    }

    fn write_member(&mut self, before: &Arc<Member>, written: Written<Arc<Member>>) {
        let after = match written {
            Written::Unchanged => return,
            Written::Put(member) => Some(member),
            Written::Removed => None,
        };
        let id = before.id.clone();
        let row = after.clone().unwrap_or_else(|| Arc::new(Member::new(id.clone())));
        self.rows.members.insert(id.clone(), row);
        let changes = &mut self.changes.members;
        match self.changed_members.get(&id).and_then(|place| changes.get_mut(*place)) {
            Some(change) => change.after = after,
            None => {
                self.changed_members.insert(id, changes.len());
                changes.push(MemberChange { before: Arc::clone(before), after });
            }
        }
    }

    fn write_relation(&mut self, before: &Arc<Relation>, written: Written<Arc<Relation>>) {
        let after = match written {
            Written::Unchanged => return,
            Written::Put(relation) => Some(relation),
            Written::Removed => None,
        };
        let pair = before.pair.clone();
        let row = after.clone().unwrap_or_else(|| Arc::new(Relation::new(pair.clone())));
        self.rows.relations.insert(pair.clone(), row);
        let changes = &mut self.changes.relations;
        match self.changed_relations.get(&pair).and_then(|place| changes.get_mut(*place)) {
            Some(change) => change.steps.push(after),
            None => {
                self.changed_relations.insert(pair, changes.len());
                changes.push(RelationChange { before: Arc::clone(before), steps: vec![after] });
            }
        }
    }

    /// Keeps the answer under the key that the request came with. A refusal leaves no trace.
    fn claim(&mut self, request: &Request, answer: &Answer, at: Time) {
        let Some(wanted) = &request.claim else { return };
        let (name, fingerprint, answer) = (wanted.name.clone(), wanted.fingerprint, answer.clone());
        let claim = Claim { name: name.clone(), fingerprint, at, answer };
        self.claims.insert(name, claim.clone());
        self.changes.claims.push(claim);
    }

    fn into_changes(self) -> Changes {
        self.changes
    }
}

impl From<Submission> for Job {
    fn from(submission: Submission) -> Self {
        let Submission { requests, reply, room } = submission;
        Self { requests, reply, attempts: 0, since: Stopwatch::start(), room }
    }
}

impl Job {
    /// Whether the job may be decided once more, its commit having failed so.
    pub(super) fn may_try_again(&self, error: &StoreError) -> bool {
        let attempts = match error {
            StoreError::Conflict => CONFLICTS,
            StoreError::Unavailable(_) => ATTEMPTS,
            StoreError::OutcomeUnknown(_) if self.is_claimed() => ATTEMPTS,
            StoreError::OutcomeUnknown(_) | StoreError::Failed(_) => 0,
        };
        self.attempts < attempts && self.since.seconds() < PATIENCE
    }

    /// Whether it says only how far the engine has come.
    fn is_beat(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether every command of the job can be recognised after a commit of unknown outcome.
    fn is_claimed(&self) -> bool {
        self.requests.iter().all(|request| request.claim.is_some())
    }

    pub(super) fn answer(self, outcomes: Vec<Outcome>) {
        // Room first, so that whoever asks again on being answered finds it.
        drop(self.room);
        // Whoever asked may be gone; what was committed stays.
        let _ = self.reply.send(outcomes);
    }

    pub(super) fn fail(self, error: &StoreError) {
        let outcomes = self.requests.iter().map(|_| Err(SubmitError::Store(error.clone()))).collect();
        self.answer(outcomes);
    }
}

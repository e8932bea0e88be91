//! A community with an outbox of mails and an SMTP server of its own.

use std::sync::Arc;
use std::time::Duration;

use acquaint_app::outbox::{Channel, Letter, Outbox, Stage};
use acquaint_app::{Clock, EngineConfig, Network, Request};
use acquaint_core::command::{Action, Command};
use acquaint_core::decide::Answer;
use acquaint_core::ids::{InvitationId, MemberId};
use acquaint_core::member::Profile;
use acquaint_core::policy::{Policy, Preset};
use acquaint_core::time::{Span, Time};
use acquaint_mail::{Addresses, Mailer, Mails, Security, SmtpConfig};
use acquaint_store::memory::MemoryStore;
use acquaint_testkit::mail::{MailServer, Taken};

/// Where the links lead.
pub(crate) const BASE: &str = "https://network.example.org";

pub(crate) fn id(text: &str) -> MemberId {
    MemberId::new(text).unwrap()
}

/// How the SMTP server is reached.
pub(crate) fn smtp(server: &MailServer) -> SmtpConfig {
    SmtpConfig {
        host: "localhost".into(),
        port: Some(server.port()),
        security: Security::None,
        login: None,
        authority: None,
        hello: "network.example.org".into(),
        from: "Acquaint <network@example.org>".parse().unwrap(),
        timeout: Duration::from_secs(2),
    }
}

pub(crate) async fn mails(network: &Network, config: &SmtpConfig) -> Mails {
    let addresses = Addresses { mail: BASE.into(), pages: Some(BASE.into()) };
    Mails::new(Mailer::new(config, None).unwrap(), network.links().await.unwrap(), addresses)
}

pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) server: MailServer,
    outbox: Outbox,
}

impl Town {
    /// Under the policy without limits, with these lines over it.
    pub(crate) async fn new(policy: &str, arguments: &[&str]) -> Self {
        let server = MailServer::start(arguments).unwrap();
        let config = smtp(&server);
        Self::with(policy, server, &config).await
    }

    pub(crate) async fn with(policy: &str, server: MailServer, config: &SmtpConfig) -> Self {
        let network = network(policy).await;
        let channel: Arc<dyn Channel> = Arc::new(mails(&network, config).await);
        let outbox = start(&network, channel).await;
        Self { network, server, outbox }
    }

    /// Somebody with an address.
    pub(crate) async fn member(&self, name: &str) -> MemberId {
        self.register(name, Profile::default()).await
    }

    pub(crate) async fn register(&self, name: &str, profile: Profile) -> MemberId {
        register(&self.network, name, profile).await
    }

    pub(crate) async fn invite(&self, from: &MemberId, to: &MemberId, note: Option<&str>) -> InvitationId {
        invite(&self.network, from, to, note).await
    }

    pub(crate) async fn act(&self, actor: &MemberId, action: Action) {
        act(&self.network, actor, action).await;
    }

    pub(crate) async fn advance(&self, by: Span) {
        self.network.advance_clock(by).await.unwrap();
    }

    /// Waits until so many mails were taken.
    pub(crate) async fn mails(&self, many: usize) -> Vec<Taken> {
        self.mails_until(|taken| taken.len() >= many, Span::ZERO).await
    }

    /// Waits until what was taken is enough; time goes on by `step` between two looks.
    pub(crate) async fn mails_until(&self, enough: impl Fn(&[Taken]) -> bool, step: Span) -> Vec<Taken> {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..1_200 {
            looks.tick().await;
            let taken = self.server.taken();
            if enough(&taken) {
                return taken;
            }
            if step > Span::ZERO {
                self.advance(step).await;
            }
        }
        let waiting = letters(&self.network, Stage::Pending).await;
        let attempts: Vec<_> = waiting.into_iter().map(|letter| letter.delivery.attempts).collect();
        let taken: Vec<_> = self.server.taken().iter().map(brief).collect();
        panic!("the mails did not arrive; there are {taken:#?}, and on their way {attempts:#?}");
    }

    /// Sends one more mail, to somebody new, and waits until nothing more is on its way by now: what should
    /// leave has left. What was taken is returned without the one more.
    pub(crate) async fn settled(&self) -> Vec<Taken> {
        let now = self.network.now();
        let name = format!("last{}", now.unix());
        let (from, to) = (self.member(&format!("from{}", now.unix())).await, self.member(&name).await);
        self.invite(&from, &to, None).await;
        let is_last = |mail: &Taken| mail.to == [format!("{name}@example.org")];
        self.mails_until(|taken| taken.iter().any(is_last), Span::ZERO).await;
        let is_later = |letter: &Letter| letter.next_at.is_some_and(|at| at > now);
        until(async || letters(&self.network, Stage::Pending).await.iter().all(is_later).then_some(())).await;
        let taken = self.server.taken();
        taken.into_iter().filter(|mail| !mail.to.iter().any(|to| to.starts_with("last"))).collect()
    }

    pub(crate) async fn end(self) {
        self.outbox.shutdown().await;
        self.network.shutdown().await;
    }
}

pub(crate) async fn network(policy: &str) -> Network {
    let policy = Policy::parse(&format!("preset = \"{}\"\n{policy}", Preset::Open)).unwrap();
    let clock = Clock::settable("2026-03-02T12:00:00Z".parse::<Time>().unwrap());
    Network::start(Arc::new(MemoryStore::new()), policy, clock, EngineConfig::default()).await.unwrap()
}

pub(crate) async fn register(network: &Network, name: &str, profile: Profile) -> MemberId {
    let (member, email) = (id(name), Some(format!("{name}@example.org")));
    let name = profile.name.clone().or_else(|| Some(format!("{name} of the tests")));
    let profile = Profile { name, email: profile.email.clone().or(email), ..profile };
    act(network, &member, Action::Register { profile }).await;
    member
}

pub(crate) async fn act(network: &Network, actor: &MemberId, action: Action) -> Answer {
    let command = Command { actor: actor.clone(), action };
    network.submit(Request { command, claim: None }).await.unwrap().unwrap()
}

pub(crate) async fn invite(network: &Network, from: &MemberId, to: &MemberId, note: Option<&str>) -> InvitationId {
    let action = Action::Invite { to: to.clone(), note: note.map(str::to_owned), to_email: None };
    match act(network, from, action).await {
        Answer::Invited { invitation, .. } => invitation.id,
        other => panic!("{other:?}"),
    }
}

/// To whom a mail went, and its subject.
pub(crate) fn brief(mail: &Taken) -> (String, String) {
    (mail.to.join(","), mail.header("Subject").join(","))
}

/// An outbox at work.
pub(crate) async fn start(network: &Network, channel: Arc<dyn Channel>) -> Outbox {
    Outbox::start(network, vec![channel]).await.unwrap()
}

/// Looks again and again, until there is something.
pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..2_400 {
        looks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
    }
    panic!("what was waited for did not come");
}

/// The deliveries of a stage.
pub(crate) async fn letters(network: &Network, stage: Stage) -> Vec<Letter> {
    network.letters(stage, None, 1_000).await.unwrap().items
}

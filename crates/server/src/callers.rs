//! How much one caller may ask for. Each member, each key of the host's and each address without
//! either has a bucket of calls that fills by itself; and only so many calls are answered at a time.
//!
//! This protects the server. What members may do in the network is limited by its rules, which know
//! nothing of this.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use acquaint_core::access::Principal;
use acquaint_core::ids::MemberId;
use axum::http::{Extensions, HeaderMap};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Limits, ServerConfig};
use crate::problem::{Kind, Problem};

/// Where a connection comes from, with the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Buckets by name; without a limit there are none.
struct Buckets<K: Hash + Eq + Clone>(Option<RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>>);

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// So many calls a minute, all of which may come at once; 0 is no limit.
    fn per_minute(calls: u32) -> Self {
        Self(NonZeroU32::new(calls).map(|calls| RateLimiter::keyed(Quota::per_minute(calls))))
    }

    /// Takes a call out of a bucket.
    fn take(&self, name: &K) -> Result<(), Problem> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(name).map_err(|until| {
            let wait = until.wait_time_from(limiter.clock().now());
            Problem::new(Kind::TooManyRequests).with_wait(wait.as_secs() + 1)
        })
    }

    /// Forgets the buckets that are full again.
    fn forget_full(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// What each caller has left.
pub(crate) struct Callers {
    members: Buckets<MemberId>,
    keys: Buckets<Arc<str>>,
    addresses: Buckets<IpAddr>,
    room: Arc<Semaphore>,
    trusted: Vec<IpNet>,
}

impl Callers {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let Limits { member_rate, key_rate, address_rate, requests, .. } = config.limits;
        Self {
            members: Buckets::per_minute(member_rate),
            keys: Buckets::per_minute(key_rate),
            addresses: Buckets::per_minute(address_rate),
            room: Arc::new(Semaphore::new(requests.clamp(1, Semaphore::MAX_PERMITS))),
            trusted: config.trusted_proxies.clone(),
        }
    }

    /// A place among the calls that are answered at the same time, until it is dropped.
    ///
    /// # Errors
    /// 503 if there is none.
    pub(crate) fn room(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let full = || Problem::new(Kind::Overloaded).with_wait(1);
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| full())
    }

    /// Counts a call of somebody's who has proven who they are.
    ///
    /// # Errors
    /// 429 if that was one too many.
    pub(crate) fn known(&self, principal: &Principal) -> Result<(), Problem> {
        match principal {
            Principal::Member(id) => self.members.take(id),
            Principal::Host { key, .. } | Principal::Operator { key } => self.keys.take(key),
        }
    }

    /// Counts a call of somebody's who has not.
    ///
    /// # Errors
    /// 429 if that was one too many.
    pub(crate) fn stranger(&self, extensions: &Extensions, headers: &HeaderMap) -> Result<(), Problem> {
        match extensions.get::<Peer>() {
            Some(peer) => self.addresses.take(&neighbourhood(self.address(*peer, headers))),
            None => Ok(()),
        }
    }

    /// Where a request comes from: its connection, or, behind trusted proxies, the last address that
    /// one of them saw and does not vouch for.
    fn address(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        if !self.is_trusted(peer.0) {
            return peer.0;
        }
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut nearest = peer.0;
        for hop in hops {
            // What cannot be read may be a lie, and so is everything before it.
            let Ok(address) = hop.trim().parse::<IpAddr>() else { return nearest };
            nearest = address.to_canonical();
            if !self.is_trusted(nearest) {
                return nearest;
            }
        }
        nearest
    }

    /// Whether that is the address of a proxy that is trusted.
    pub(crate) fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// Forgets whoever has all their calls left.
    pub(crate) fn forget_idle(&self) {
        self.members.forget_full();
        self.keys.forget_full();
        self.addresses.forget_full();
    }
}

/// Whoever has one address of version 6 has the 64 bits after its network.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(trusted: &[&str]) -> Callers {
        let trusted_proxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
        Callers::new(&ServerConfig { trusted_proxies, ..ServerConfig::new(Vec::new()) })
    }

    fn forwarded(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn an_address_is_believed_as_far_as_proxies_are_trusted() {
        let callers = callers(&["10.0.0.0/8", "fd00::/8"]);
        let address =
            |peer: &str, lines: &[&str]| callers.address(Peer(peer.parse().unwrap()), &forwarded(lines)).to_string();
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "whoever says so without being trusted");
        assert_eq!(address("10.1.1.1", &["203.0.113.9, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.1.1.1", &["203.0.113.9", "198.51.100.7, 10.2.2.2"]), "198.51.100.7");
        assert_eq!(address("10.1.1.1", &["203.0.113.9, unknown, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(address("fd00::1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn an_address_of_version_6_counts_with_its_neighbours() {
        let near = |address: &str| neighbourhood(address.parse().unwrap()).to_string();
        assert_eq!(near("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(near("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(near("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_bucket_is_empty_after_its_calls_and_forgotten_once_it_is_full() {
        let buckets = Buckets::per_minute(2);
        assert!(buckets.take(&"a").is_ok() && buckets.take(&"a").is_ok());
        assert_eq!(buckets.take(&"a").unwrap_err().code(), "too_many_requests");
        assert!(buckets.take(&"b").is_ok());
        buckets.forget_full();
        assert!(buckets.take(&"a").is_err(), "an empty bucket is remembered");
        let unlimited = Buckets::per_minute(0);
        assert!((0..10_000).all(|_| unlimited.take(&"a").is_ok()));
    }
}

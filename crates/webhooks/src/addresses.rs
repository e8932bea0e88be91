//! Which addresses are posted to. Whoever may name an endpoint could otherwise have this server ask for
//! what only it can reach: its own machine, its neighbours, the metadata of its cloud (SSRF).
//!
//! Names are resolved by us, each address is checked, and the connection goes to an address that was
//! checked, so that a name cannot mean something else a moment later (DNS rebinding).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use url::Url;

/// Networks that are not of the public internet (IANA's registries of special-purpose addresses).
const SPECIAL: [&str; 27] = [
    "0.0.0.0/8",       // this network
    "10.0.0.0/8",      // private
    "100.64.0.0/10",   // shared, behind carriers' translation
    "127.0.0.0/8",     // loopback
    "169.254.0.0/16",  // link-local, where clouds tell their metadata
    "172.16.0.0/12",   // private
    "192.0.0.0/24",    // protocol assignments
    "192.0.2.0/24",    // documentation
    "192.88.99.0/24",  // relays of 6to4
    "192.168.0.0/16",  // private
    "198.18.0.0/15",   // benchmarks
    "198.51.100.0/24", // documentation
    "203.0.113.0/24",  // documentation
    "224.0.0.0/4",     // multicast
    "240.0.0.0/4",     // reserved, and broadcast
    "::/128",          // unspecified
    "::1/128",         // loopback
    "64:ff9b:1::/48",  // local translation
    "100::/64",        // discard
    "2001::/23",       // protocol assignments, Teredo among them
    "2001:db8::/32",   // documentation
    "2002::/16",       // 6to4, which holds an address of the older kind
    "3fff::/20",       // documentation
    "fc00::/7",        // unique local
    "fe80::/10",       // link-local
    "fec0::/10",       // site-local
    "ff00::/8",        // multicast
];

/// What is allowed beside public addresses over HTTPS.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Networks that are not public and may be posted to all the same.
    pub networks: Vec<IpNet>,
    /// Whether endpoints may be `http`, in the clear.
    pub http: bool,
}

impl Allowed {
    /// Whether an address may be posted to.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = plain(address);
        let is_in = |text: &&str| text.parse::<IpNet>().is_ok_and(|network| network.contains(&address));
        self.networks.iter().any(|network| network.contains(&address)) || !SPECIAL.iter().any(is_in)
    }

    /// What is wrong with the address of an endpoint, as far as its text tells.
    ///
    /// # Errors
    /// A sentence for whoever named it.
    pub fn check(&self, text: &str) -> Result<Url, String> {
        if text.len() > 2_048 {
            return Err("an address has at most 2,048 bytes".into());
        }
        let url = Url::parse(text).map_err(|error| format!("this is no address: {error}"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.http => {}
            "http" => return Err("an endpoint is reached by https; this server does not post in the clear".into()),
            _ => return Err("an endpoint is reached by https".into()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an endpoint's address holds no name and password; check the signature instead".into());
        }
        if url.fragment().is_some() {
            return Err("an endpoint's address has no fragment".into());
        }
        let literal = match url.host() {
            None => return Err("an endpoint's address needs a host".into()),
            Some(url::Host::Domain(_)) => None,
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        };
        match literal.filter(|address| !self.admits(*address)) {
            Some(address) => Err(format!("{address} is not an address of the public internet, and not allowed here")),
            None => Ok(url),
        }
    }

    /// The addresses of an endpoint that may be posted to, looked up now.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, String> {
        let port = url.port_or_known_default().unwrap_or(443);
        let found: Vec<SocketAddr> = match url.host() {
            None => return Err("the address has no host".into()),
            Some(url::Host::Ipv4(address)) => vec![(address, port).into()],
            Some(url::Host::Ipv6(address)) => vec![(address, port).into()],
            Some(url::Host::Domain(name)) => match tokio::net::lookup_host((name, port)).await {
                Ok(found) => found.collect(),
                Err(error) => return Err(format!("{name} cannot be looked up: {error}")),
            },
        };
        let admitted: Vec<SocketAddr> = found.into_iter().filter(|address| self.admits(address.ip())).collect();
        if admitted.is_empty() {
            return Err("the host has no address of the public internet, and no other is allowed here".into());
        }
        Ok(admitted)
    }
}

/// The address of the older kind that one of the newer kind holds.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let [a, b, c, d, e, f, g, h] = six.segments();
    let is_translated = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0];
    // Those of before `::ffff:`, which nobody uses any more, apart from `::` and `::1`.
    let is_compatible = [a, b, c, d, e, f] == [0; 6] && six != Ipv6Addr::UNSPECIFIED && six != Ipv6Addr::LOCALHOST;
    match six.to_ipv4_mapped() {
        Some(four) => IpAddr::V4(four),
        None if is_translated || is_compatible => {
            let ([w, x], [y, z]) = (g.to_be_bytes(), h.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(w, x, y, z))
        }
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_the_table_is_one() {
        assert!(SPECIAL.iter().all(|text| text.parse::<IpNet>().is_ok()));
    }

    /// Addresses that an attacker would name, in every way of writing them.
    #[test]
    fn what_is_not_public_is_refused_however_it_is_written() {
        let refused = [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://017700000001/",
            "https://0/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://172.31.255.255/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://100.100.100.200/",
            "https://192.0.0.192/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[ff02::1]/",
            "http://example.org/",
            "ftp://example.org/",
            "https://u:p@example.org/",
            "https://example.org/#x",
            "not an address",
            "file:///etc/passwd",
        ];
        for text in refused {
            assert!(Allowed::default().check(text).is_err(), "{text}");
        }
        for text in ["https://example.org/hooks?x=1", "https://1.1.1.1/", "https://[2606:4700::1111]:8443/x"] {
            assert!(Allowed::default().check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_and_nothing_beside_it() {
        let allowed = Allowed { networks: vec!["10.0.0.0/8".parse().unwrap()], http: true };
        assert!(allowed.check("http://10.9.9.9:8080/").is_ok());
        assert!(allowed.check("http://[::ffff:10.9.9.9]/").is_ok());
        assert!(allowed.check("http://192.168.0.1/").is_err());
        assert!(allowed.check("http://127.0.0.1/").is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_when_it_is_looked_up() {
        let url = Url::parse("https://localhost/").unwrap();
        assert!(Allowed::default().check(url.as_str()).is_ok(), "its text does not tell");
        assert!(Allowed::default().resolve(&url).await.is_err());
        let networks = ["127.0.0.0/8", "::1/128"].map(|text| text.parse().unwrap()).to_vec();
        assert!(Allowed { networks, http: false }.resolve(&url).await.is_ok());
    }
}

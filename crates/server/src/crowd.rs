//! How many connections each address has, so that nobody takes all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::callers::neighbourhood;

/// The addresses that are connected, and how often.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// One connection of an address's, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Admitted {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    /// Counts a connection, unless the address has `most` already.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Admitted> {
        let address = neighbourhood(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Admitted { crowd: Arc::clone(self), address })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_no_more() {
        let crowd = Arc::new(Crowd::default());
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let first = crowd.admit(one, 2).unwrap();
        let second = crowd.admit(one, 2).unwrap();
        assert!(crowd.admit(one, 2).is_none() && crowd.admit(other, 2).is_some());
        drop(first);
        let third = crowd.admit(one, 2).unwrap();
        drop((second, third));
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}

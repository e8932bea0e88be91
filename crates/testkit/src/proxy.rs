//! A network between a client and a server that fails when it is told to.
//!
//! A [`Proxy`] passes bytes on, until it is told to cut what is connected, to refuse or to stall; or
//! to cut at the very moment at which certain bytes go by, say a `COMMIT` that reaches the server
//! and whose answer never reaches the client.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Error, Result, ports};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fair,
    /// Connections stay, and nothing passes; what was sent arrives later.
    Stalled,
    /// What clients send arrives; the answers come later.
    Mute,
    /// Nobody listens; what was connected is cut.
    Refusing,
}

impl Weather {
    /// Whether it keeps what goes that way.
    fn holds(self, way: Way) -> bool {
        self == Weather::Stalled || self == Weather::Mute && way == Way::Down
    }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// Cuts the connection on which these bytes go by; once.
#[derive(Debug, Clone)]
pub struct Trap {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The way that they go.
    pub way: Way,
    /// Whether they arrive, with nothing that follows them, before the connection is cut.
    pub arrive: bool,
    /// The weather from then on.
    pub then: Weather,
}

/// A proxy on a port of its own; everything is cut when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    weather: Weather,
    /// Whether the accepting thread has a listener.
    listening: bool,
    trap: Option<Trap>,
    /// How many traps have closed.
    caught: u64,
    /// Both ends of every connection, by its number.
    open: Vec<(u64, [TcpStream; 2])>,
    next: u64,
    over: bool,
}

impl Proxy {
    /// Begins to pass connections on to a server.
    ///
    /// # Errors
    /// If no port is free.
    pub fn to(upstream: SocketAddr) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let listener = listen(address)?;
        let state = State {
            upstream,
            weather: Weather::Fair,
            listening: true,
            trap: None,
            caught: 0,
            open: Vec::new(),
            next: 0,
            over: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || accepting.accept(listener, address));
        Ok(Self { shared, address })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections go to this server from now on.
    pub fn redirect(&self, upstream: SocketAddr) {
        self.shared.lock().upstream = upstream;
    }

    /// Cuts every connection, at both ends.
    pub fn cut(&self) {
        self.shared.lock().cut();
    }

    /// Changes the weather; it is as it was set when this returns.
    pub fn set(&self, weather: Weather) {
        self.shared.lock().set(weather);
        self.shared.changed.notify_all();
        self.wake();
        self.settle();
    }

    /// Waits until the accepting thread has seen the weather.
    fn settle(&self) {
        drop(self.shared.wait_while(|state| state.listening == (state.weather == Weather::Refusing)));
    }

    /// Sets a trap, in place of one that has not closed.
    pub fn set_trap(&self, trap: Trap) {
        self.shared.lock().trap = Some(trap);
    }

    /// Waits until a trap that was set has closed; at once if none is set.
    pub fn wait_for_trap(&self) {
        drop(self.shared.wait_while(|state| state.trap.is_some()));
        self.wake();
        self.settle();
    }

    /// How many traps have closed.
    #[must_use]
    pub fn caught(&self) -> u64 {
        self.shared.lock().caught
    }

    /// Makes the accepting thread look at the weather.
    fn wake(&self) {
        // Nobody listens if it looks already.
        let _ = TcpStream::connect(self.address);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.over = true;
        state.cut();
        drop(state);
        self.shared.changed.notify_all();
        self.wake();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(Error::while_doing(format_args!("listen on {address}")))
}

impl State {
    fn cut(&mut self) {
        for end in self.open.drain(..).flat_map(|(_, ends)| ends) {
            // It may be gone already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn set(&mut self, weather: Weather) {
        self.weather = weather;
        if weather == Weather::Refusing {
            self.cut();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.lock();
        self.changed.wait_while(state, |state| condition(state)).unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections until it is over. In refusing weather there is no listener at all.
    fn accept(self: &Arc<Self>, listener: TcpListener, address: SocketAddr) {
        let mut listener = Some(listener);
        loop {
            let Some(listening) = &listener else {
                let mut state = self.wait_while(|state| state.weather == Weather::Refusing && !state.over);
                if state.over {
                    return;
                }
                listener = listen(address).ok();
                state.listening = listener.is_some();
                drop(state);
                self.changed.notify_all();
                continue;
            };
            let client = listening.accept();
            let mut state = self.lock();
            if state.over {
                return;
            }
            if state.weather == Weather::Refusing {
                listener = None;
                state.listening = false;
                drop(state);
                self.changed.notify_all();
                continue;
            }
            let upstream = state.upstream;
            drop(state);
            if let Ok((client, _)) = client {
                let shared = self.clone();
                thread::spawn(move || shared.connect(client, upstream));
            }
        }
    }

    /// Connects a client; one whose server refuses is cut off.
    fn connect(self: Arc<Self>, client: TcpStream, upstream: SocketAddr) {
        let Ok(server) = TcpStream::connect(upstream) else { return };
        let options = [&client, &server].map(|end| end.set_nodelay(true));
        let ends = (client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone());
        let (Ok(a), Ok(b), Ok(c), Ok(d)) = ends else { return };
        if options.iter().any(std::result::Result::is_err) {
            return;
        }
        let mut state = self.lock();
        if state.over || state.weather == Weather::Refusing {
            // The clones go with this, and so the connection is cut.
            return;
        }
        let number = state.next;
        state.next += 1;
        state.open.push((number, [a, b]));
        drop(state);
        let down = self.clone();
        thread::spawn(move || down.pump(number, Way::Down, d, c));
        self.pump(number, Way::Up, client, server);
    }

    /// Passes bytes on in one direction until either end is closed.
    fn pump(&self, number: u64, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        // The end of what passed before: a trap's bytes may come in two pieces.
        let mut passed = Vec::new();
        while let Ok(read) = from.read(&mut buffer) {
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            let mut state = self.wait_while(|state| state.weather.holds(way) && !state.over);
            if state.over {
                break;
            }
            let catch = state.trap.as_ref().filter(|trap| trap.way == way).and_then(|trap| trap.close(&passed, bytes));
            let Some(catch) = catch else {
                drop(state);
                passed.extend_from_slice(bytes);
                passed.drain(..passed.len().saturating_sub(LONGEST));
                if to.write_all(bytes).is_err() {
                    break;
                }
                continue;
            };
            // Under the lock: whoever waits for the trap finds the bytes arrived and the cut made.
            let _ = to.write_all(bytes.get(..catch.arrives).unwrap_or_default());
            state.caught += 1;
            state.trap = None;
            state.close(number);
            state.set(catch.then);
            drop(state);
            self.changed.notify_all();
            return;
        }
        self.lock().close(number);
    }
}

/// The longest bytes of a trap that are found when they come in pieces.
const LONGEST: usize = 1 << 10;

/// A trap closes in the middle of bytes that were read.
struct Catch {
    /// So many of them arrive.
    arrives: usize,
    then: Weather,
}

impl Trap {
    fn close(&self, passed: &[u8], bytes: &[u8]) -> Option<Catch> {
        let overlap = passed.len().min(self.bytes.len().saturating_sub(1));
        let before = passed.get(passed.len() - overlap..).unwrap_or_default();
        let seen = [before, bytes].concat();
        let at = seen.windows(self.bytes.len().max(1)).position(|window| window == self.bytes)?;
        let end = if self.arrive { at + self.bytes.len() } else { at };
        Some(Catch { arrives: end.saturating_sub(overlap), then: self.then })
    }
}

impl State {
    fn close(&mut self, number: u64) {
        let found = self.open.iter().position(|(open, _)| *open == number);
        for end in found.map(|place| self.open.swap_remove(place)).into_iter().flat_map(|(_, ends)| ends) {
            // What was written is delivered first; an end that is gone already is no matter.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

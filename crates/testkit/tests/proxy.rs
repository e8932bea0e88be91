//! The network fails exactly as it is told to.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, and what helps them, stop at the first surprise"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use acquaint_testkit::proxy::{Proxy, Trap, Way, Weather};

/// A server that sends back what it is sent, and tells all that came on a connection at its end.
fn echo() -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.unwrap(), tell.clone());
            thread::spawn(move || {
                let (mut all, mut buffer) = (Vec::new(), [0; 64]);
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    all.extend_from_slice(&buffer[..read]);
                    if stream.write_all(&buffer[..read]).is_err() {
                        break;
                    }
                }
                let _ = tell.send(all);
            });
        }
    });
    (address, told)
}

fn exchange(client: &mut TcpStream, words: &[u8]) -> std::io::Result<Vec<u8>> {
    client.write_all(words)?;
    let mut answer = vec![0; words.len()];
    client.read_exact(&mut answer).map(|()| answer)
}

#[test]
fn bytes_pass_both_ways_until_the_connection_is_cut() {
    let (server, _told) = echo();
    let proxy = Proxy::to(server).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(exchange(&mut client, b"hello").unwrap(), b"hello");
    proxy.cut();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let mut again = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(exchange(&mut again, b"again").unwrap(), b"again");
}

#[test]
fn in_refusing_weather_nobody_listens() {
    let (server, _told) = echo();
    let proxy = Proxy::to(server).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    exchange(&mut client, b"hello").unwrap();
    proxy.set(Weather::Refusing);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(TcpStream::connect(proxy.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    proxy.set(Weather::Fair);
    let mut again = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(exchange(&mut again, b"again").unwrap(), b"again");
}

#[test]
fn what_is_sent_in_a_stall_arrives_afterwards() {
    let (server, _told) = echo();
    let proxy = Proxy::to(server).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    exchange(&mut client, b"hello").unwrap();
    proxy.set(Weather::Stalled);
    client.write_all(b"later").unwrap();
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.read(&mut [0; 5]).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.set_nonblocking(false).unwrap();
    proxy.set(Weather::Fair);
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"later");
}

/// What arrives at the server of two pieces, with a trap for `mid`.
fn trapped(way: Way, arrive: bool) -> (Vec<u8>, Vec<u8>) {
    let (server, told) = echo();
    let proxy = Proxy::to(server).unwrap();
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    proxy.set_trap(Trap { bytes: b"mid".to_vec(), way, arrive, then: Weather::Fair });
    assert_eq!(exchange(&mut client, b"first m").unwrap(), b"first m");
    client.write_all(b"id last").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    proxy.wait_for_trap();
    assert_eq!(proxy.caught(), 1);
    (told.recv().unwrap(), rest)
}

#[test]
fn a_trap_closes_before_its_bytes_arrive_or_after_either_way() {
    assert_eq!(trapped(Way::Up, false).0, b"first m");
    assert_eq!(trapped(Way::Up, true).0, b"first mid");
    let (arrived, answered) = trapped(Way::Down, false);
    assert_eq!((arrived.as_slice(), answered.as_slice()), (&b"first mid last"[..], &b""[..]));
    assert_eq!(trapped(Way::Down, true).1, b"id");
}

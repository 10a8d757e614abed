//! A port in front of a member that tells of each request before it passes it on: so a test can be in time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What a client says first: RFC 9113, 3.4.
const PREFACE: usize = 24;

/// The type of the frame that a request begins with.
const HEADERS: u8 = 1;

/// The endpoint of a proxy for the member at `endpoint`. `before` gets the number of each request.
pub(super) fn start(endpoint: &str, before: impl Fn(usize) + Send + Sync + 'static) -> String {
    let target = endpoint.trim_start_matches("http://").to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let (before, requests) = (Arc::new(before), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&target).unwrap());
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let (mut server, mut client) = back;
                let _ = io::copy(&mut server, &mut client);
                let _ = client.shutdown(Shutdown::Both);
            });
            let (before, requests) = (before.clone(), requests.clone());
            thread::spawn(move || {
                let tell = || before(requests.fetch_add(1, Ordering::SeqCst) + 1);
                let _ = pass(client, &server, &tell);
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    own
}

/// Frame by frame, from the client to the server.
fn pass(mut client: TcpStream, mut server: &TcpStream, tell: &dyn Fn()) -> io::Result<()> {
    let mut preface = [0; PREFACE];
    client.read_exact(&mut preface)?;
    server.write_all(&preface)?;
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head)?;
        let mut body = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        client.read_exact(&mut body)?;
        if head[3] == HEADERS {
            tell();
        }
        server.write_all(&head)?;
        server.write_all(&body)?;
    }
}

//! As much of HTTP as the load needs: prepared requests, answers with a length. A general client would take more CPU than
//! the server that it shares the cores with.

use patze_core::event::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection, one request at a time.
pub struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head's lines.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// Connects.
    pub async fn open(address: &str) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, read: Vec::new() }
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Answer {
        self.socket.write_all(request).await.unwrap();
        let body_at = loop {
            if let Some(end) = memchr::memmem::find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await;
        };
        let head = String::from_utf8(self.read.drain(..body_at).collect()).unwrap();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            self.more().await;
        }
        let body = self.read.drain(..length).collect();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body }
    }

    /// A `GET`.
    pub async fn get(&mut self, path: &str, headers: &str) -> Answer {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n").as_bytes()).await
    }

    async fn more(&mut self) {
        assert!(self.socket.read_buf(&mut self.read).await.unwrap() > 0, "the server closed the connection");
    }
}

/// A header's value.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The request that delivers one event.
pub fn post_one(event: &Event) -> Vec<u8> {
    let mut body = String::new();
    event.push_json(&mut body);
    post("/ingest", &body)
}

/// The request that delivers a batch.
pub fn post_batch(events: &[Event]) -> Vec<u8> {
    let mut body = String::from(r#"{"events":["#);
    for (n, event) in events.iter().enumerate() {
        if n > 0 {
            body.push(',');
        }
        event.push_json(&mut body);
    }
    body.push_str("]}");
    post("/ingest/batch", &body)
}

fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nPrefer: return=minimal\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

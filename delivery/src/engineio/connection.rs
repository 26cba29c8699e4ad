//! One connection, as its task sees it: packets in, packets out, whatever carries them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::line::{Came, Line};
use super::opening::Opening;
use super::packet::{self, In, Packet, Text};
use super::table::Listed;
use crate::protocol::close::Close;
use crate::transport::{self, Gone, Payload, Socket};

/// A ping of the server.
const PING: Payload = Payload::fixed("2");

/// What comes in.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message of text.
    Text(Text),
    /// A message of bytes.
    Binary(Bytes),
    /// A sign of life: a pong, or what a transport says for itself.
    Alive,
    /// The peer is gone or says goodbye.
    Closed,
    /// More at once than may come. Nothing more can be read.
    TooLarge,
    /// Not what a client sends; with the code for it of RFC 6455 if it is not even WebSocket. Nothing more
    /// is to be read.
    Broken(Option<u16>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Connection {
    /// How it was asked for.
    pub(crate) opening: Box<Opening>,
    wire: Wire,
}

#[derive(Debug)]
enum Wire {
    Socket(Socket),
    /// Its place in the table moves on when a WebSocket takes over.
    Polling(Arc<Line>, Option<Listed>),
    Upgraded(Socket, Box<Upgraded>),
}

/// What is left of the time before a WebSocket took over.
#[derive(Debug)]
struct Upgraded {
    /// Keeps its number, so that requests that come late are refused.
    _listed: Option<Listed>,
    /// Came by requests and is not read yet.
    unread: VecDeque<In>,
    /// What no poll has fetched.
    unfetched: VecDeque<Packet>,
    /// Whether something of that is handed over and not flushed.
    flushing: bool,
}

impl Connection {
    /// A connection that began as a WebSocket.
    pub(super) fn of_socket(opening: Opening, socket: Socket) -> Self {
        Self { opening: Box::new(opening), wire: Wire::Socket(socket) }
    }

    /// A connection that polls.
    pub(super) fn of_line(opening: Opening, line: Arc<Line>, listed: Listed) -> Self {
        Self { opening: Box::new(opening), wire: Wire::Polling(line, Some(listed)) }
    }

    /// What comes in next. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Received {
        loop {
            match &mut self.wire {
                Wire::Socket(socket) => return of_socket(socket.recv().await),
                Wire::Upgraded(socket, upgraded) => {
                    if let Some(packet) = upgraded.unread.pop_front() {
                        if upgraded.unread.is_empty() {
                            upgraded.unread = VecDeque::new();
                        }
                        return of_packet(packet);
                    }
                    if upgraded.catch_up(socket).await.is_err() {
                        return Received::Closed;
                    }
                    return of_socket(socket.recv().await);
                }
                Wire::Polling(line, _) => match line.came() {
                    Some(Came::Packet(packet)) => return of_packet(packet),
                    Some(Came::Socket(socket)) => self.change(*socket, VecDeque::new()),
                    Some(Came::Over(why)) => return why.into(),
                    None => line.woken().await,
                },
            }
        }
    }

    /// Hands over a packet; waits only while earlier ones are stuck. Call [`Self::flush`] after the
    /// last one.
    pub(crate) async fn feed(&mut self, packet: Packet) -> Result<(), Gone> {
        loop {
            self.look();
            match &mut self.wire {
                Wire::Socket(socket) => return write(socket, packet).await,
                Wire::Upgraded(socket, upgraded) => {
                    upgraded.catch_up(socket).await?;
                    return write(socket, packet).await;
                }
                Wire::Polling(line, _) => match line.feed(&packet) {
                    Some(fed) => return fed.map_err(|_| Gone),
                    None => line.woken().await,
                },
            }
        }
    }

    /// Waits until everything handed over is with the kernel, or waits for the next poll.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        self.look();
        match &mut self.wire {
            Wire::Socket(socket) => socket.flush().await,
            Wire::Upgraded(socket, upgraded) => {
                upgraded.catch_up(socket).await?;
                socket.flush().await
            }
            Wire::Polling(line, _) => line.flush().map_err(|_| Gone),
        }
    }

    /// Whether everything that was flushed is on its way: what waits for a poll is not.
    pub(crate) fn drained(&self) -> bool {
        match &self.wire {
            Wire::Polling(line, _) => line.fetched(),
            Wire::Socket(_) | Wire::Upgraded(..) => true,
        }
    }

    /// Whether it polls.
    pub(crate) fn polls(&self) -> bool {
        matches!(self.wire, Wire::Polling(..))
    }

    /// Since when something has been waiting for a poll.
    pub(crate) fn waits(&self) -> Option<Instant> {
        match &self.wire {
            Wire::Polling(line, _) => line.waits(),
            Wire::Socket(_) | Wire::Upgraded(..) => None,
        }
    }

    /// Waits until everything that was flushed is on its way. Cancel-safe.
    pub(crate) async fn fetched(&mut self) {
        loop {
            self.look();
            match &mut self.wire {
                Wire::Polling(line, _) if !line.fetched() && !line.is_over() => line.woken().await,
                Wire::Upgraded(socket, upgraded) => {
                    // If it is gone, nothing is on its way any more.
                    let _gone = upgraded.catch_up(socket).await;
                    return;
                }
                Wire::Polling(..) | Wire::Socket(_) => return,
            }
        }
    }

    /// Hands over a ping.
    pub(crate) async fn ping(&mut self) -> Result<(), Gone> {
        self.feed(Packet::Text(PING)).await
    }

    /// Says goodbye, why if the transport can, waits at most `linger` for the peer to take it, and drops
    /// the connection.
    pub(crate) async fn close(mut self, close: Close, linger: Duration) {
        self.look();
        match self.wire {
            Wire::Socket(socket) | Wire::Upgraded(socket, _) => socket.close(close, linger).await,
            Wire::Polling(line, _listed) => line.goodbye(linger).await,
        }
    }

    /// Changes over to a WebSocket that is there, without waiting for one.
    fn look(&mut self) {
        if let Wire::Polling(line, _) = &self.wire
            && let Some((socket, unread)) = line.took_over()
        {
            self.change(*socket, unread);
        }
    }

    fn change(&mut self, socket: Socket, unread: VecDeque<In>) {
        let Wire::Polling(line, listed) = &mut self.wire else { return };
        let listed = listed.take();
        if let Some(listed) = &listed {
            listed.upgraded();
        }
        let unfetched = line.unfetched().into();
        let upgraded = Upgraded { _listed: listed, unread, unfetched, flushing: false };
        self.wire = Wire::Upgraded(socket, Box::new(upgraded));
    }
}

impl Upgraded {
    /// Writes what no poll has fetched. Cancel-safe.
    async fn catch_up(&mut self, socket: &mut Socket) -> Result<(), Gone> {
        while let Some(packet) = self.unfetched.front() {
            // A write that is given up has not taken its packet.
            write(socket, packet.clone()).await?;
            self.unfetched.pop_front();
            self.flushing = true;
        }
        if self.flushing {
            socket.flush().await?;
            self.flushing = false;
            self.unfetched = VecDeque::new();
        }
        Ok(())
    }
}

async fn write(socket: &mut Socket, packet: Packet) -> Result<(), Gone> {
    match packet {
        Packet::Text(text) => socket.feed(text).await,
        Packet::Binary(bytes) => socket.feed_binary(bytes).await,
    }
}

fn of_socket(received: transport::Received) -> Received {
    match received {
        transport::Received::Text(text) => {
            packet::packet(text).map_or(Received::Broken(None), of_packet)
        }
        transport::Received::Binary(bytes) => Received::Binary(bytes),
        transport::Received::Control => Received::Alive,
        transport::Received::TooLarge => Received::TooLarge,
        transport::Received::Broken(code) => Received::Broken(Some(code)),
        transport::Received::Closed => Received::Closed,
    }
}

fn of_packet(packet: In) -> Received {
    match packet {
        In::Message(text) => Received::Text(text),
        In::Binary(bytes) => Received::Binary(bytes),
        In::Pong | In::Noop | In::Upgrade => Received::Alive,
        In::Close => Received::Closed,
        In::Ping | In::Probe => Received::Broken(None),
    }
}

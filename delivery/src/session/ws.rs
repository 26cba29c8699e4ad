//! `/ws`: the subprotocol `parlance.v1` as a session speaks it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemas::ApiError;

use super::Session;
use super::handshake::renew;
use super::wire::{Handed, Handled, Heard, Speaks, Wire, ask};
use crate::Delivery;
use crate::frame::Frame;
use crate::hub::Hub;
use crate::presence;
use crate::protocol::close;
use crate::protocol::json;
use crate::protocol::sync;
use crate::transport::{Gone, Payload, Received, Socket};

impl Wire for Socket {
    type Request = Payload;
    type Answer = Payload;

    fn speaks(&self) -> Speaks {
        Speaks::Ws
    }

    fn asked(request: &Payload) -> usize {
        request.len()
    }

    fn size(answer: &Payload) -> usize {
        answer.len()
    }

    async fn recv(&mut self) -> Heard<Payload> {
        match Self::recv(self).await {
            Received::Text(text) => Heard::Request(text),
            Received::Control => Heard::Control,
            Received::Binary(_) => Heard::End(close::BINARY),
            Received::TooLarge => Heard::End(close::TOO_LARGE),
            Received::Broken(_) => Heard::End(close::BAD_FRAME),
            Received::Closed => Heard::End(close::NORMAL),
        }
    }

    fn handle(
        &mut self,
        delivery: &Arc<Delivery>,
        session: &Arc<Session>,
        text: Payload,
    ) -> BoxFuture<'static, Handled<Payload>> {
        handle(delivery.clone(), session.clone(), text).boxed()
    }

    fn repeats(&self, session: &Session, text: &Payload) -> bool {
        tells_of_device(text.text())
            && json::parse(text.text())
                .is_ok_and(|request| presence::repeats(session, &request.kind, request.data))
    }

    fn refuse(&mut self, text: &Payload, error: &ApiError) -> Option<Payload> {
        let id = match json::parse(text.text()) {
            Ok(request) => Some(request.id.into_owned()),
            Err(bad) => bad.id,
        };
        Some(json::refused(id.as_deref(), error))
    }

    async fn answer(&mut self, answer: Payload) -> Result<(), Gone> {
        self.feed(answer).await
    }

    async fn push(&mut self, _: &Hub, frame: &Frame) -> Result<Handed, Gone> {
        self.feed(frame.payload().clone()).await?;
        Ok(Handed { size: frame.len(), late: false })
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        Self::ping(self).await
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        Self::flush(self).await
    }
}

/// Whether a frame may be one of [`presence::OF_DEVICE`], told without reading it: the first thing that
/// looks like its type is one of them.
fn tells_of_device(text: &str) -> bool {
    const TYPE: &str = r#""type""#;
    let value = || {
        let (_, behind) = text.split_once(TYPE)?;
        let value = behind.trim_start().strip_prefix(':')?.trim_start();
        value.strip_prefix('"')
    };
    let is = |value: &str| {
        presence::OF_DEVICE
            .iter()
            .any(|kind| value.strip_prefix(kind).is_some_and(|behind| behind.starts_with('"')))
    };
    text.len() <= presence::OF_DEVICE_BYTES && value().is_some_and(is)
}

/// One frame, from its text to its place in the log.
async fn handle(delivery: Arc<Delivery>, session: Arc<Session>, text: Payload) -> Handled<Payload> {
    let request = match json::parse(text.text()) {
        Ok(request) => request,
        Err(bad) if bad.hopeless() => return Handled::Bad(bad.answer()),
        Err(bad) => return Handled::Answer(Some(bad.answer())),
    };
    let id = request.id;
    let refused = |error: &ApiError| Handled::Answer(Some(json::refused(Some(&id), error)));
    match request.kind.as_ref() {
        "ping" => {
            let data = format!(r#"{{"at":"{}"}}"#, delivery.clock.now());
            Handled::Answer(Some(json::answered(&id, data.as_bytes())))
        }
        "auth" => match renew(&delivery, &session, request.data) {
            Ok((data, None)) => Handled::Answer(Some(json::answered(&id, &data))),
            Ok((data, Some(cursors))) => {
                let first = json::answered(&id, &data);
                Handled::Sync(Some(first), id.into(), Box::new(cursors))
            }
            Err(error) => refused(&error),
        },
        "sync" => match sync::cursors(request.data) {
            Ok(cursors) => Handled::Sync(None, id.into(), Box::new(cursors)),
            Err(error) => refused(&error),
        },
        kind => match ask(&delivery, &session, kind, request.data).await {
            Ok(outcome) => {
                let id: Box<str> = id.into();
                let answer = outcome.map(move |outcome| Some(answer(&id, outcome)));
                Handled::Accepted(text.len(), answer.boxed())
            }
            Err(error) => refused(&error),
        },
    }
}

fn answer(id: &str, outcome: Result<Bytes, ApiError>) -> Payload {
    match outcome {
        Ok(data) => json::answered(id, &data),
        Err(error) => json::refused(Some(id), &error),
    }
}

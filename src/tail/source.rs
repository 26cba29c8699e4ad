//! Where the records come from: the running server of a data folder, the folder itself, or Kafka.

use std::sync::Arc;

use anyhow::bail;
use axum::routing::post;
use axum::{Json, Router};
use platform::Log;
use platform::config::{Config, LogEngine};
use platform::lifecycle::Lifecycle;
use schemas::ApiError;
use schemas::topic::{self, Durability};

use super::ask::{Ask, From};
use super::follow::{Follow, Line};
use crate::control::client::Answers;
use crate::control::server::{Gone, stream};
use crate::engines::Engines;
use crate::reach::{self, Reach};

/// Path on the control socket.
const PATH: &str = "/tail";

/// What the server answers with.
pub(crate) fn routes(log: &Arc<dyn Log>, life: &Lifecycle) -> Router {
    let (log, life) = (log.clone(), life.clone());
    let tail = move |ask: Json<Ask>| async move {
        stream(&life, |lines| async move {
            let mut follow = Follow::begin(&log, &ask).await?;
            while let Some(line) = follow.next().await? {
                if lines.send(&line).await == Err(Gone) {
                    break;
                }
            }
            Ok(())
        })
    };
    Router::new().route(PATH, post(tail))
}

/// Records, wherever they are.
pub(super) enum Source {
    Server(Answers),
    Here(Box<Follow>, Box<Engines>),
}

impl Source {
    pub(super) async fn open(config: &Config, mut ask: Ask) -> anyhow::Result<Self> {
        match Reach::open(config).await? {
            Reach::Server(mut server) => Ok(Self::Server(server.stream(PATH, &ask).await?)),
            Reach::Here(engines) => {
                if config.engines.log == LogEngine::Embedded {
                    volatile(config, &ask)?;
                    // Nobody appends: the end is the end.
                    ask.until_end = true;
                    ask.from = ask.from.or(Some(From::Earliest));
                }
                let follow = Follow::begin(&engines.platform.log, &ask).await.map_err(said)?;
                Ok(Self::Here(Box::new(follow), engines))
            }
        }
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Line>> {
        match self {
            Self::Server(answers) => answers.next().await,
            Self::Here(follow, _) => follow.next().await.map_err(said),
        }
    }

    /// Lets go of what was opened for it.
    pub(super) async fn close(self) {
        if let Self::Here(follow, engines) = self {
            drop(follow);
            reach::close(&engines.platform).await;
        }
    }
}

/// What is nowhere but in a server's memory can not be read from its folder.
fn volatile(config: &Config, ask: &Ask) -> anyhow::Result<()> {
    let topic = topic::by_name(&ask.topic);
    if topic.is_some_and(|topic| topic.durability == Durability::Volatile) {
        let dir = config.data.dir.display();
        bail!("{} is kept in the memory of a server, and none runs on {dir}", ask.topic);
    }
    Ok(())
}

/// Without the code, which says nothing to a person here.
fn said(error: ApiError) -> anyhow::Error {
    anyhow::Error::msg(error.message)
}

//! The server's side: makes a backup of its own folder for whoever asks on the control socket.
//!
//! It runs on a thread of its own, at the lowest priority once its moment is taken: requests come first. It
//! ends when the caller goes away or the server stops, and then removes what it wrote; the stop waits for
//! that, as long as it waits for anything.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Json, State};
use axum::response::Response;
use axum::routing::post;
use platform::Clock;
use platform::backup::{self, Error, Manifest, Progress, Source};
use platform::embedded::EmbeddedLog;
use platform::lifecycle::Lifecycle;
use platform::port::clock::SystemClock;
use schemas::{ApiError, Code};
use tokio::sync::{Semaphore, oneshot, watch};

use super::{Answer, Ask, ROUTE};
use crate::control::server::{Lines, stream};
use crate::engines::Engines;

/// What the route needs.
#[derive(Clone)]
struct Folder {
    log: EmbeddedLog,
    dir: PathBuf,
    life: Lifecycle,
    /// A place for each thread that may run.
    threads: Arc<Semaphore>,
}

/// Threads at once. All but one find that a backup is being made, and end.
const THREADS: u32 = 16;

/// The route, where there is a folder to back up.
pub(crate) fn routes(engines: &Engines, life: &Lifecycle) -> Router {
    let Some(embedded) = &engines.embedded else { return Router::new() };
    let folder = Folder {
        log: embedded.log.clone(),
        dir: embedded.data.path().to_path_buf(),
        life: life.clone(),
        threads: Arc::new(Semaphore::new(THREADS as usize)),
    };
    let (threads, mut stopping) = (folder.threads.clone(), life.stopping());
    life.component("backup", async move {
        stopping.wait().await;
        // All places are free when no thread runs any more; and no other begins.
        drop(threads.acquire_many(THREADS).await);
        threads.close();
        Ok(())
    });
    Router::new().route(ROUTE, post(make)).with_state(folder)
}

/// A folder to back up, at so many MiB a second and with so many MiB of memory at most; 0: no bound.
pub(super) fn source<'a>(
    log: &'a EmbeddedLog,
    data: &'a Path,
    limit: u32,
    memory: u32,
) -> Source<'a> {
    let mib = |count: u32| (count > 0).then_some(u64::from(count) << 20);
    Source {
        log,
        data,
        now: SystemClock.now(),
        program: env!("CARGO_PKG_VERSION"),
        bytes_per_second: mib(limit),
        memory: mib(memory),
    }
}

/// Sets its flag when nobody waits any more.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn make(State(folder): State<Folder>, Json(ask): Json<Ask>) -> Response {
    let life = folder.life.clone();
    stream(&life, |lines| async move {
        let given_up = Arc::new(AtomicBool::new(false));
        let _wanted = Wanted(given_up.clone());
        let (tell, heard) = watch::channel(None);
        let (end, ended) = oneshot::channel();
        let place = folder.threads.clone().try_acquire_owned();
        let place =
            place.map_err(|_| ApiError::new(Code::Overloaded, "too many backups at once"))?;
        let work = move || {
            let _place = place;
            let source = source(&folder.log, &folder.dir, ask.limit, ask.memory);
            let mut polite = false;
            let made = backup::create(source, &ask.folder, &mut |now| {
                // Not before: the log waits for whoever takes the moment.
                if !polite {
                    yield_to_others();
                    polite = true;
                }
                tell.send_replace(Some(now));
                if given_up.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            // The log may end with the place.
            drop(folder);
            // Whoever asked may be gone.
            drop(end.send(made));
        };
        let started = std::thread::Builder::new().name("backup".to_owned()).spawn(work);
        started.map_err(|error| ApiError::new(Code::Overloaded, error.to_string()))?;
        follow(&lines, heard, ended).await
    })
}

/// Tells how far it has come, until it has ended.
async fn follow(
    lines: &Lines,
    mut heard: watch::Receiver<Option<Progress>>,
    ended: oneshot::Receiver<Result<Manifest, Error>>,
) -> Result<(), ApiError> {
    // The sender goes when the work has ended.
    while heard.changed().await.is_ok() {
        let now = *heard.borrow_and_update();
        if let Some(Progress { step, done, total }) = now {
            let line = Answer::Progress { step: step.to_owned(), done, total };
            if lines.send(&line).await.is_err() {
                return Ok(());
            }
        }
    }
    let made = ended.await;
    let made = made.map_err(|_| ApiError::new(Code::Internal, "the backup's thread has ended"))?;
    let manifest = made.map_err(|error| refusal(&error))?;
    let files = manifest.files.len();
    let line = Answer::Done { at: manifest.at, bytes: manifest.bytes(), files };
    // A caller that is gone has its backup all the same.
    lines.send(&line).await.ok();
    Ok(())
}

fn refusal(error: &Error) -> ApiError {
    let code = match error {
        Error::Busy | Error::NotEmpty(_) | Error::Inside(_) | Error::Roundabout(_) => {
            Code::Conflict
        }
        Error::NoRoom { .. } | Error::Outrun { .. } => Code::Overloaded,
        _ => Code::Internal,
    };
    ApiError::new(code, error.to_string())
}

/// This thread runs when no other wants to. Where that is not allowed it competes.
fn yield_to_others() {
    // On Linux the calling process is, here, the calling thread.
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::debug!(%error, "the backup runs at the usual priority");
    }
}

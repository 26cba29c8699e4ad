//! The control socket: how a command speaks to the server whose data folder it names.
//!
//! `<data>/parlance.sock`, HTTP/1.1 with JSON, for the owner of the folder alone (mode 0600). It is there
//! while a process on the embedded engines is ready, and only that process has the folder's lock: a
//! socket without a listener is what a killed process left, and the next one replaces it.
//!
//! [`server`] owns the socket and its bounds, [`client`] speaks to it. What a command asks for is
//! beside the command: `tail`, `dlq`. It must never serve what is for clients.

pub(crate) mod client;
pub(crate) mod server;

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use axum::Router;
use platform::lifecycle::Lifecycle;
use schemas::ApiError;
use serde::{Deserialize, Serialize};

use crate::engines::Engines;
use crate::{backup, dlq, tail};

/// The socket's name in the data folder.
pub(crate) const NAME: &str = "parlance.sock";

/// The route that only tells that a server answers.
const HELLO: &str = "/hello";

/// Longest name of a socket: `sun_path` with its closing zero.
const NAME_BYTES: usize = 107;

/// The body of a refusal, and the last line of a stream that failed.
#[derive(Debug, Serialize, Deserialize)]
struct Failed {
    error: ApiError,
}

/// Every route, for a process on the embedded engines. Streams end with `life`.
pub(crate) fn router(engines: &Engines, life: &Lifecycle) -> Router {
    let log = &engines.platform.log;
    Router::new()
        .merge(backup::routes(engines, life))
        .merge(tail::routes(log, life))
        .merge(dlq::routes(engines))
}

/// A name for a socket in a folder that is short enough, whatever the folder is called. The folder, if
/// it is held open for that, must be so until the name was used.
fn address(dir: &Path, name: &str) -> io::Result<(PathBuf, Option<OwnedFd>)> {
    let plain = dir.join(name);
    if plain.as_os_str().as_bytes().len() <= NAME_BYTES {
        return Ok((plain, None));
    }
    let folder = OwnedFd::from(File::open(dir)?);
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    if !short.parent().is_some_and(Path::exists) {
        let long = plain.display();
        return Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            format!(
                "{long} is longer than a socket's name may be ({NAME_BYTES} bytes) and there is no /proc"
            ),
        ));
    }
    Ok((short, Some(folder)))
}

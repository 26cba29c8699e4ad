//! Lines to standard output, by a thread of its own: a reader that does not read blocks that thread, and
//! not the one that hears Ctrl-C.

use std::io::{self, BufWriter, Write as _};

use tokio::sync::{mpsc, oneshot};

/// Lines that wait for the reader.
const LINES: usize = 64;

/// The way to the thread.
pub(super) struct Printer {
    lines: mpsc::Sender<String>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Printer {
    pub(super) fn start() -> io::Result<Self> {
        let (lines, mut taken) = mpsc::channel(LINES);
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new().name("print".to_owned()).spawn(move || {
            // If nobody waits for it any more, nobody needs it.
            end.send(print(&mut taken)).ok();
        })?;
        Ok(Self { lines, ended })
    }

    /// Prints a line; waits for a slow reader. False: the reader is gone, or it failed.
    pub(super) async fn line(&self, line: String) -> bool {
        self.lines.send(line).await.is_ok()
    }

    /// Until the reader is gone, or failed. Whoever waits for the next line must wait for this too: that
    /// line may never come.
    pub(super) async fn gone(&self) {
        self.lines.closed().await;
    }

    /// Waits until everything is printed. A reader that has had enough is no failure.
    pub(super) async fn end(self) -> io::Result<()> {
        drop(self.lines);
        match self.ended.await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// Prints what comes, and shows it as soon as nothing more is there.
fn print(lines: &mut mpsc::Receiver<String>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(line) = lines.blocking_recv() {
        writeln!(out, "{line}")?;
        while let Ok(line) = lines.try_recv() {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    Ok(())
}

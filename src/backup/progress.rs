//! Progress for people, on the standard error: one line that is written over on a terminal, else a line
//! now and then.

use std::io::{IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use platform::backup::Progress;

/// Time between two lines, on a terminal and elsewhere.
const REFRESH: Duration = Duration::from_millis(200);
const LINES: Duration = Duration::from_secs(10);

pub(super) struct Bar {
    terminal: bool,
    step: String,
    shown: Option<Instant>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), step: String::new(), shown: None }
    }

    /// For work in this process. Always says to go on: whoever wants to stop kills the command.
    pub(super) fn tell(&mut self, now: Progress) -> ControlFlow<()> {
        self.show(now.step, now.done, now.total);
        ControlFlow::Continue(())
    }

    pub(super) fn show(&mut self, step: &str, done: u64, total: u64) {
        let every = if self.terminal { REFRESH } else { LINES };
        let new = step != self.step;
        if !new && self.shown.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        step.clone_into(&mut self.step);
        self.shown = Some(Instant::now());
        let (start, end) = if self.terminal { ("\r\x1b[2K", "") } else { ("", "\n") };
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0).min(100);
        let text = format!("{start}{percent:3} %  {:>6} MiB  {step}{end}", done >> 20);
        write(&text);
    }

    pub(super) fn end(&mut self) {
        if self.terminal && self.shown.is_some() {
            write("\r\x1b[2K");
        }
    }
}

fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    // Nobody to tell is no reason to stop.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

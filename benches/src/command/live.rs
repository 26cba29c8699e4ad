//! What a run looks like while it lasts: a few lines on a terminal, drawn again in their place, and a
//! sample every second for whoever reads JSON lines. Where there is no terminal nothing is drawn.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::load::probe::{Probe, Reading};
use crate::load::{Gauges, Second};
use crate::scenarios::short;
use crate::task::spawn;

/// Between two drawings.
const REDRAW: Duration = Duration::from_millis(250);
/// Drawings of one sample.
const DRAWINGS: u32 = 4;
/// Width of a terminal that does not tell.
const WIDTH: u16 = 80;

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    scenario: String,
    phase: String,
    in_phase: Duration,
    steps: u64,
    elapsed: Duration,
    second: Second,
    /// Cores and resident bytes, by process.
    processes: BTreeMap<String, (f64, u64)>,
    generator: f64,
}

/// Shows a run until it is ended.
#[derive(Debug)]
pub(super) struct Live {
    task: JoinHandle<()>,
    screen: Arc<Mutex<Screen>>,
}

impl Live {
    /// Begins to show a scenario; `tell` gets every sample.
    pub(super) fn begin(
        scenario: &str,
        began: Instant,
        gauges: &Arc<Gauges>,
        probe: &Probe,
        tell: impl Fn(Value) + Send + 'static,
    ) -> Self {
        let screen = Arc::new(Mutex::new(Screen::of_stderr()));
        let (shown, gauges, probe) = (screen.clone(), gauges.clone(), probe.clone());
        let mut view = View { scenario: scenario.to_owned(), ..View::default() };
        let task = spawn(async move {
            let mut last: Option<(Instant, Reading)> = None;
            let mut drawings = 0;
            let mut ticks = tokio::time::interval(REDRAW);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                view.elapsed = began.elapsed();
                (view.phase, view.in_phase, view.steps) = gauges.at();
                view.second.in_flight = gauges.in_flight();
                if drawings % DRAWINGS == 0 {
                    view.second = gauges.second();
                    // A process that ends meanwhile is told by the scenario itself.
                    if let Ok(now) = probe.used().await {
                        view.used(last.as_ref(), &now);
                        last = Some((Instant::now(), now));
                    }
                    tell(view.json());
                }
                drawings += 1;
                shown.lock().draw(&view);
            }
        });
        Self { task, screen }
    }

    /// Takes everything off the screen.
    pub(super) fn end(&self) {
        self.task.abort();
        self.screen.lock().clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

impl View {
    fn used(&mut self, last: Option<&(Instant, Reading)>, now: &Reading) {
        let Some((at, before)) = last else { return };
        let seconds = at.elapsed().as_secs_f64().max(1e-3);
        for (name, used) in &now.server {
            let then = before.server.get(name).copied().unwrap_or_default();
            let cores = used.cpu.saturating_sub(then.cpu).as_secs_f64() / seconds;
            self.processes.insert(name.clone(), (cores, used.resident_bytes));
        }
        self.generator = now.own.cpu.saturating_sub(before.own.cpu).as_secs_f64() / seconds;
    }

    fn json(&self) -> Value {
        let Second { acked, received, in_flight, .. } = self.second;
        let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
        let processes: BTreeMap<_, _> = self
            .processes
            .iter()
            .map(|(name, (cores, rss))| (name, json!({"cores": round(*cores), "rssBytes": rss})))
            .collect();
        json!({
            "type": "sample",
            "scenario": self.scenario,
            "phase": self.phase,
            "elapsedMs": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            "acked": acked,
            "received": received,
            "inFlight": in_flight,
            "ackP50Ms": round(self.second.ack_p50),
            "ackP99Ms": round(self.second.ack_p99),
            "recvP50Ms": round(self.second.recv_p50),
            "recvP99Ms": round(self.second.recv_p99),
            "lagP99Ms": round(self.second.lag_p99),
            "processes": processes,
            "generatorCores": round(self.generator),
        })
    }
}

/// The lines of a view, none wider than this.
fn lines(view: &View, width: usize, colour: Colour) -> Vec<String> {
    let Second { acked, received, ack_p50, ack_p99, recv_p50, recv_p99, lag_p99, in_flight } =
        view.second;
    let elapsed = view.elapsed.as_secs();
    let mut head =
        format!("{} · {} {:.0} s", view.scenario, view.phase, view.in_phase.as_secs_f64().floor());
    if view.steps > 0 {
        write!(head, " · {}", short(view.steps as f64)).expect("writing to memory does not fail");
    }
    write!(head, " · {}:{:02} in all", elapsed / 60, elapsed % 60)
        .expect("writing to memory does not fail");
    let ms = |value: f64| format!("{value:.1}");
    let rates = format!(
        "  {}/s acked, p50 {} p99 {} ms · {}/s received, p50 {} p99 {} ms",
        short(acked as f64),
        ms(ack_p50),
        ms(ack_p99),
        short(received as f64),
        ms(recv_p50),
        ms(recv_p99)
    );
    let mut machine = format!("  {in_flight} in flight · lag p99 {} ms", ms(lag_p99));
    for (name, (cores, rss)) in &view.processes {
        let mib = *rss as f64 / f64::from(1 << 20);
        write!(machine, " · {name} {cores:.2} cores, {mib:.0} MiB")
            .expect("writing to memory does not fail");
    }
    write!(machine, " · generator {:.2}", view.generator).expect("writing to memory does not fail");
    let cut = |line: String| line.chars().take(width.saturating_sub(1)).collect::<String>();
    vec![colour.bold(&cut(head)), cut(rates), cut(machine)]
}

/// Whether words may be coloured (no-color.org).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    Wanted,
    Not,
}

impl Colour {
    fn of_environment() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        if unwanted { Self::Not } else { Self::Wanted }
    }

    fn bold(self, text: &str) -> String {
        match self {
            Self::Wanted => format!("\x1b[1m{text}\x1b[0m"),
            Self::Not => text.to_owned(),
        }
    }
}

/// Where it is drawn.
#[derive(Debug)]
struct Screen {
    /// None: nobody looks.
    colour: Option<Colour>,
    /// Lines that stand there.
    drawn: usize,
}

impl Screen {
    fn of_stderr() -> Self {
        let looks = std::io::stderr().is_terminal();
        Self { colour: looks.then(Colour::of_environment), drawn: 0 }
    }

    fn draw(&mut self, view: &View) {
        let Some(colour) = self.colour else { return };
        let size = rustix::termios::tcgetwinsize(std::io::stderr());
        let width = size.map_or(WIDTH, |size| if size.ws_col == 0 { WIDTH } else { size.ws_col });
        let lines = lines(view, usize::from(width), colour);
        let out = lines.iter().fold(self.erasing(), |all, line| all + line + "\n");
        self.drawn = lines.len();
        write(&out);
    }

    fn clear(&mut self) {
        if self.drawn > 0 {
            write(&self.erasing());
            self.drawn = 0;
        }
    }

    /// Up to the first line, and everything from there on away (ECMA-48: CPL, ED).
    fn erasing(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}F\x1b[J", self.drawn) }
    }
}

fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    // A terminal that is gone is no reason to end the run.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let second =
            Second { acked: 14_594, received: 14_000, ack_p99: 31.25, ..Second::default() };
        let processes = [("server".to_owned(), (1.5, 104_857_600))].into_iter().collect();
        View {
            scenario: "saturate".to_owned(),
            phase: "measuring".to_owned(),
            elapsed: Duration::from_secs(75),
            second,
            processes,
            ..View::default()
        }
    }

    #[test]
    fn a_view_says_what_is_going_on_and_fits_the_terminal() {
        let all = lines(&view(), 200, Colour::Not).join("\n");
        for part in [
            "saturate · measuring",
            "1:15 in all",
            "14,594/s acked",
            "p99 31.2 ms",
            "1.50 cores, 100 MiB",
        ] {
            assert!(all.contains(part), "{part:?} in {all}");
        }
        assert!(!all.contains('\x1b'));
        for width in [0, 1, 10, 40] {
            let narrow = lines(&view(), width, Colour::Not);
            assert!(narrow.iter().all(|line| line.chars().count() <= width), "{narrow:?}");
        }
        assert!(lines(&view(), 80, Colour::Wanted)[0].starts_with("\x1b[1m"));
    }

    #[test]
    fn a_drawing_takes_the_place_of_the_one_before() {
        let mut screen = Screen { colour: Some(Colour::Not), drawn: 0 };
        assert_eq!(screen.erasing(), "");
        screen.drawn = 3;
        assert_eq!(screen.erasing(), "\x1b[3F\x1b[J");
    }
}

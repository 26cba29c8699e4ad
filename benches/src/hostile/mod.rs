//! Hostile input: every route and every frame gets what it must refuse. Each refusal is a 4xx or an
//! error frame with a code of the table, or a close code of the protocol; never a 5xx, never
//! silence; and nothing is written.

mod bodies;
mod cast;
mod frames;
mod people;
mod raw;
mod routes;
mod sync;
mod tokens;
mod walls;

use anyhow::Context as _;

use crate::prove::Say;
use crate::remote::{Answer, Remote};
use crate::server::Metrics;

/// What was asked and what was wrong with the answers.
#[derive(Debug, Default)]
struct Findings {
    asked: usize,
    wrong: Vec<String>,
}

impl Findings {
    /// A request that must be refused with a code of the table and the status that belongs to it.
    fn refused(&mut self, what: &str, answer: &Answer) {
        self.asked += 1;
        let code = answer.code();
        let known = code.as_deref().and_then(code_of);
        let fits = known.is_some_and(|known| known.status() == answer.status);
        if !(400..500).contains(&answer.status) || !fits {
            self.wrong(what, &format!("{answer}"));
        }
    }

    /// The same, and the code is this one.
    fn refused_as(&mut self, what: &str, code: &str, answer: &Answer) {
        self.refused(what, answer);
        if answer.code().is_some_and(|given| given != code) {
            self.wrong(what, &format!("{code} was expected: {answer}"));
        }
    }

    fn wrong(&mut self, what: &str, got: &str) {
        let got: String = got.chars().take(300).collect();
        self.wrong.push(format!("{what}: {got}"));
    }
}

fn code_of(text: &str) -> Option<schemas::Code> {
    schemas::Code::ALL.iter().copied().find(|code| code.text() == text)
}

/// Asks everything of a system at rest; whether all of it was refused and left no trace. `counters` are
/// those of all processes together.
pub(crate) async fn run(
    remote: &Remote,
    counters: impl AsyncFn() -> anyhow::Result<Metrics>,
    say: Say<'_>,
) -> anyhow::Result<bool> {
    let cast = cast::Cast::make(remote).await.context("the cast of the hostile part")?;
    let before = cast.everything().await.context("reading everything before")?;
    let counted = counters().await?;

    let mut findings = Findings::default();
    routes::ask(&cast, &mut findings).await;
    walls::ask(&cast, &mut findings).await;
    people::ask(&cast, &mut findings).await;
    tokens::ask(&cast, &mut findings).await;
    frames::ask(&cast, &mut findings).await;
    sync::ask(&cast, &mut findings).await;
    raw::ask(&cast, &mut findings).await;

    let after = cast.everything().await.context("reading everything after")?;
    for (what, now) in &after {
        if before.get(what) != Some(now) {
            findings.wrong(&format!("{what} has changed"), &now.to_string());
        }
    }
    let grown = counters().await?.since(&counted);
    let folded = grown.get("parlance_messages_total");
    if folded > 0.0 {
        findings.wrong("folded messages", &folded.to_string());
    }

    let Findings { asked, wrong } = &findings;
    let verdict = if wrong.is_empty() { "all refused, nothing written" } else { "FAIL" };
    say(&format!("\nhostile input: {asked} requests and frames: {verdict}"));
    for finding in wrong {
        say(&format!("  {finding}"));
    }
    Ok(wrong.is_empty() && *asked > 0)
}

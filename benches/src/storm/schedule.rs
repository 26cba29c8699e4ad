//! What will be broken, in which order: drawn from the seed, printed before it begins.
//!
//! Every kind of fault comes at least once. The rolling restart comes in the middle, so that as much
//! is broken before it as after it: where it brings another binary, both see the same weather. What
//! time is left is filled with more kills.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};

use crate::cluster::{Engine, Role};

/// A pause that is longer than a worker's session (6 s) and than all that waits for it.
const ZOMBIE: Duration = Duration::from_secs(15);
/// How long an engine is away.
const OUTAGE: Duration = Duration::from_secs(15);

/// Something to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// kill -9 of one process of a role.
    Kill(Role),
    /// SIGSTOP of a process that folds for so long, then SIGCONT.
    Zombie(Duration),
    /// kill -9 of an engine, and its start.
    KillEngine(Engine),
    /// An engine away for so long.
    Outage(Engine, Duration),
    /// Processes that fold: 1, then 3, then 1, then as many as before.
    Scale,
    /// SIGTERM of every process in turn, each started again.
    Rolling,
}

/// An act, and the calm behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub act: Act,
    /// Which process of the role, modulo their number.
    pub pick: usize,
    /// Time before the next.
    pub calm: Duration,
}

impl Step {
    /// How long it takes, calm included, by experience on two cores.
    pub fn about(&self) -> Duration {
        let seconds = |s: u64| Duration::from_secs(s);
        let own = match self.act {
            Act::Kill(_) => seconds(2),
            Act::Zombie(pause) => pause + seconds(5),
            Act::KillEngine(engine) => starts(engine),
            Act::Outage(engine, away) => away + starts(engine),
            Act::Scale => seconds(30),
            Act::Rolling => seconds(50),
        };
        own + self.calm
    }
}

/// How long an engine takes to start.
fn starts(engine: Engine) -> Duration {
    Duration::from_secs(match engine {
        Engine::Kafka => 8,
        Engine::Cql => 20,
        Engine::Redis => 1,
    })
}

/// The steps of a run of about so long.
pub fn draw(seed: u64, length: Duration, roles: &[Role], engines: bool) -> Vec<Step> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5f0e_57a3);
    let mut acts: Vec<Act> = roles.iter().map(|role| Act::Kill(*role)).collect();
    let folds = roles.contains(&Role::Persist);
    if folds {
        acts.extend([Act::Zombie(ZOMBIE), Act::Scale]);
    }
    if engines {
        for engine in Engine::ALL {
            acts.extend([Act::KillEngine(engine), Act::Outage(engine, OUTAGE)]);
        }
    }
    acts.shuffle(&mut rng);
    let mut all: Vec<Act> = acts;
    all.insert(all.len() / 2, Act::Rolling);
    let mut steps: Vec<Step> = all.into_iter().map(|act| step(act, &mut rng)).collect();
    let about = |steps: &[Step]| steps.iter().map(Step::about).sum::<Duration>();
    while about(&steps) < length {
        let Some(role) = roles.choose(&mut rng) else { break };
        let place = rng.random_range(0..=steps.len());
        steps.insert(place, step(Act::Kill(*role), &mut rng));
    }
    steps
}

/// The same with one kind of fault only, again and again: for looking into what a storm has found.
pub fn only(steps: Vec<Step>, kind: &str, length: Duration) -> Vec<Step> {
    let named = |step: &Step| step.act.to_string().contains(kind);
    let chosen: Vec<Step> = steps.into_iter().filter(named).collect();
    let once: Duration = chosen.iter().map(Step::about).sum();
    let times = length.as_secs().checked_div(once.as_secs()).unwrap_or(0).max(1);
    (0..times).flat_map(|_| chosen.clone()).collect()
}

fn step(act: Act, rng: &mut StdRng) -> Step {
    // After a worker is gone its partitions go to another within its session; after an engine was
    // away everything that waited is worked off.
    let calm = match act {
        Act::Kill(role) if !role.is_worker() => 2_000..4_000,
        Act::Kill(_) | Act::KillEngine(Engine::Redis) => 8_000..10_000,
        Act::Zombie(_) | Act::KillEngine(_) | Act::Outage(..) => 10_000..13_000,
        Act::Scale | Act::Rolling => 6_000..8_000,
    };
    Step { act, pick: rng.random_range(0..64), calm: Duration::from_millis(rng.random_range(calm)) }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(role) => write!(f, "kill -9 {}", role.name()),
            Self::Zombie(pause) => write!(f, "pause persist {pause:?}"),
            Self::KillEngine(engine) => write!(f, "kill -9 {}", engine.name()),
            Self::Outage(engine, away) => write!(f, "stop {} {away:?}", engine.name()),
            Self::Scale => write!(f, "scale persist 1, 3, 1"),
            Self::Rolling => write!(f, "rolling restart"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX: Duration = Duration::from_mins(6);

    #[test]
    fn a_seed_draws_the_same_storm_again() {
        let draw = |seed| draw(seed, SIX, &Role::SPLIT, true);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn everything_comes_and_it_takes_about_as_long_as_asked() {
        for seed in 0..50 {
            let steps = draw(seed, SIX, &Role::SPLIT, true);
            let has = |act| steps.iter().any(|step| step.act == act);
            assert!(Role::SPLIT.into_iter().all(|role| has(Act::Kill(role))));
            for engine in Engine::ALL {
                assert!(has(Act::KillEngine(engine)) && has(Act::Outage(engine, OUTAGE)));
            }
            assert!(has(Act::Zombie(ZOMBIE)) && has(Act::Scale) && has(Act::Rolling));
            let about: Duration = steps.iter().map(Step::about).sum();
            assert!(about >= SIX && about < SIX + Duration::from_mins(1), "{about:?}");
        }
    }
}

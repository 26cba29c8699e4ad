//! Starts what is wanted and does not run, as whatever runs the processes in production does.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Cluster, OwnExit};
use crate::history::{Class, Fault, Op, Recorder};
use crate::task::spawn;
use crate::workload::NEMESIS;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(20);

/// Looks after a deployment until it is dropped.
#[derive(Debug)]
pub struct Supervisor {
    task: JoinHandle<()>,
    exits: Arc<Mutex<Vec<OwnExit>>>,
}

impl Supervisor {
    /// Begins; ends that nobody asked for go to the history.
    pub fn begin(cluster: Arc<Cluster>, recorder: Arc<Recorder>) -> Self {
        let exits = Arc::new(Mutex::new(Vec::new()));
        let seen = exits.clone();
        let task = spawn(async move {
            loop {
                tend(&cluster, &recorder, &seen);
                sleep(EVERY).await;
            }
        });
        Self { task, exits }
    }

    /// The ends so far that nobody asked for.
    pub fn exits(&self) -> Vec<OwnExit> {
        self.exits.lock().clone()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn tend(cluster: &Cluster, recorder: &Recorder, exits: &Mutex<Vec<OwnExit>>) {
    for member in cluster.members() {
        // A binary that can not be started now may be there at the next look.
        let Ok(Some(exit)) = member.tend() else { continue };
        let fault = Fault {
            kind: format!("{} ended by itself: {}", exit.name, exit.status),
            in_flight: recorder.in_flight(),
            class: Class::OwnExit,
            ..Fault::default()
        };
        recorder.note(NEMESIS, 0, Op::Fault(fault));
        exits.lock().push(exit);
    }
}

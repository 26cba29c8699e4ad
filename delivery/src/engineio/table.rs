//! Which connections HTTP requests can belong to.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Sid;
use super::line::{Line, Why};

/// Connections by number. It has no more entries than there are connections that began with polling.
#[derive(Debug, Default)]
pub(super) struct Table(Mutex<HashMap<Sid, Entry>>);

/// What a number belongs to.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A connection that polls.
    Polling(Arc<Line>),
    /// One that has changed over to a WebSocket: no requests belong to it any more.
    Upgraded,
}

impl Table {
    /// What a number belongs to.
    pub(super) fn find(&self, sid: Sid) -> Option<Entry> {
        self.0.lock().get(&sid).cloned()
    }

    /// Connections that are listed.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// A connection's entry; dropping it takes it out and ends its line.
#[derive(Debug)]
pub(super) struct Listed {
    table: Arc<Table>,
    sid: Sid,
}

impl Listed {
    /// Lists a connection that polls.
    pub(super) fn new(table: &Arc<Table>, sid: Sid, line: Arc<Line>) -> Self {
        table.0.lock().insert(sid, Entry::Polling(line));
        Self { table: table.clone(), sid }
    }

    /// It polls no more.
    pub(super) fn upgraded(&self) {
        self.table.0.lock().insert(self.sid, Entry::Upgraded);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let entry = {
            let mut table = self.table.0.lock();
            let entry = table.remove(&self.sid);
            if table.is_empty() {
                // What a storm needed is not kept.
                table.shrink_to(64);
            }
            entry
        };
        if let Some(Entry::Polling(line)) = entry {
            line.end(Why::Closed);
        }
    }
}

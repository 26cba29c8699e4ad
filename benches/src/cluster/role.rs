//! The roles of the binary, as commands.

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Everything, on embedded engines.
    All,
    /// Requests.
    Ingest,
    /// Sockets.
    Delivery,
    /// The fold of conversations.
    Persist,
    /// The fold of users.
    Feed,
    /// Events to nodes.
    Fanout,
}

impl Role {
    /// Those of a split deployment.
    pub const SPLIT: [Self; 5] =
        [Self::Ingest, Self::Delivery, Self::Persist, Self::Feed, Self::Fanout];

    /// Its turn when an upgrade rolls.
    pub fn turn(self) -> u8 {
        match self {
            Self::Persist | Self::Feed | Self::Fanout | Self::All => 0,
            Self::Delivery => 1,
            Self::Ingest => 2,
        }
    }

    /// Its name, in logs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Ingest => "ingest",
            Self::Delivery => "delivery",
            Self::Persist => "persist",
            Self::Feed => "feed",
            Self::Fanout => "fanout",
        }
    }

    /// The binary's command.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::All => &["all"],
            Self::Ingest => &["ingest"],
            Self::Delivery => &["delivery"],
            Self::Persist => &["worker", "persist"],
            // Pools that have little to do share a process: two cores carry all of them.
            Self::Feed => &["worker", "feed", "receipts", "saga"],
            Self::Fanout => &["worker", "fanout", "signals", "presence"],
        }
    }

    /// Public addresses of one process.
    pub fn listeners(self) -> usize {
        match self {
            Self::All => 2,
            Self::Ingest | Self::Delivery => 1,
            Self::Persist | Self::Feed | Self::Fanout => 0,
        }
    }

    /// Whether it answers REST.
    pub fn serves_requests(self) -> bool {
        matches!(self, Self::All | Self::Ingest)
    }

    /// Whether it holds sockets.
    pub fn serves_sockets(self) -> bool {
        matches!(self, Self::All | Self::Delivery)
    }

    /// Whether it is a pool of workers.
    pub fn is_worker(self) -> bool {
        matches!(self, Self::Persist | Self::Feed | Self::Fanout)
    }
}

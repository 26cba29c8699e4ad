//! The namespaces that there are.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// `/`: messages, typing, presence, calls.
    Root,
    /// `/presence`.
    Presence,
}

impl Namespace {
    /// Every one.
    pub(crate) const ALL: [Self; 2] = [Self::Root, Self::Presence];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::Presence => "/presence",
        }
    }

    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "/" => Some(Self::Root),
            "/presence" => Some(Self::Presence),
            _ => None,
        }
    }

    /// How a packet on it begins, behind its type.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Presence => "/presence,",
        }
    }
}

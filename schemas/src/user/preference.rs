//! What comes of a user's decisions about his presence.

use super::command::Presence;
use super::head::Preference;
use crate::patch::Patch;
use crate::presence::Status;
use crate::time::Timestamp;

impl Preference {
    /// What is left of it at this time: a custom status may have ended.
    pub fn at(&self, now: Timestamp) -> Self {
        let mut left = self.clone();
        if left.custom_until.is_some_and(|until| until <= now) {
            left.custom_status = None;
            left.custom_until = None;
        }
        left
    }

    /// What it is after a change at this time. Another text has an end only if one comes with it; an
    /// end without a text is none. Being online is no preference: it is what devices tell.
    pub fn after(&self, change: &Presence, now: Timestamp) -> Self {
        let mut next = self.at(now);
        change.status.apply(&mut next.status);
        next.status = next.status.filter(|status| *status != Status::Online);
        change.custom_status.apply(&mut next.custom_status);
        let other = next.custom_status != self.at(now).custom_status;
        match &change.custom_until {
            Patch::Absent if other => next.custom_until = None,
            until => until.apply(&mut next.custom_until),
        }
        if next.custom_status.is_none() {
            next.custom_until = None;
        }
        next.at(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn said(text: &str, until: Option<i64>) -> Preference {
        Preference {
            status: Some(Status::DoNotDisturb),
            custom_status: Some(text.to_owned()),
            custom_until: until.map(Timestamp),
        }
    }

    #[test]
    fn another_text_has_no_end_of_the_one_before() {
        let before = said("lunch", Some(5_000));
        let text = |text: &str| Patch::Value(text.to_owned());
        let same = Presence { custom_status: text("lunch"), ..Presence::default() };
        assert_eq!(before.after(&same, NOW), before);
        let other = Presence { custom_status: text("tea"), ..Presence::default() };
        assert_eq!(before.after(&other, NOW), said("tea", None));
        let longer =
            Presence { custom_until: Patch::Value(Timestamp(9_000)), ..Presence::default() };
        assert_eq!(before.after(&longer, NOW), said("lunch", Some(9_000)));
        let endless = Presence { custom_until: Patch::Null, ..Presence::default() };
        assert_eq!(before.after(&endless, NOW), said("lunch", None));
        let none = Presence { custom_status: Patch::Null, ..Presence::default() };
        let quiet = Preference { status: Some(Status::DoNotDisturb), ..Preference::default() };
        assert_eq!(before.after(&none, NOW), quiet);
        assert_eq!(quiet.after(&longer, NOW), quiet, "an end of nothing");
    }

    #[test]
    fn a_custom_status_ends_at_its_moment() {
        let before = said("lunch", Some(5_000));
        assert_eq!(before.at(Timestamp(4_999)), before);
        let after = Preference { status: Some(Status::DoNotDisturb), ..Preference::default() };
        assert_eq!(before.at(Timestamp(5_000)), after);
        let same =
            Presence { custom_status: Patch::Value("lunch".to_owned()), ..Presence::default() };
        assert_eq!(before.after(&same, Timestamp(5_000)), said("lunch", None), "said anew");
        let past = Presence { custom_until: Patch::Value(NOW), ..same };
        assert_eq!(after.after(&past, NOW), after, "over before it begins");
    }

    #[test]
    fn online_is_no_preference() {
        let online = Presence { status: Patch::Value(Status::Online), ..Presence::default() };
        let away = Presence { status: Patch::Value(Status::Away), ..Presence::default() };
        let set = Preference::default().after(&away, NOW);
        assert_eq!(set.status, Some(Status::Away));
        assert_eq!(set.after(&online, NOW), Preference::default());
        assert_eq!(set.after(&Presence::default(), NOW), set);
    }
}

//! The order of a user's conversations and what filters leave of them, as functions on values: pinned
//! ones first, then the last active, then by id, so that the order is total and a cursor is a place.

use std::cmp::Reverse;
use std::collections::HashMap;

use schemas::conversation::head::Kind;
use schemas::user::head::Head as UserHead;
use schemas::{ApiError, ConversationId, Timestamp, UserId, limits};
use uuid::Uuid;

use super::read::{Held, NOTES, is_notes};
use crate::error::Failure;
use crate::query::{Params, cursor_text};

/// Where a conversation stands in the list; the largest is first.
pub(super) type Place = (bool, Timestamp, ConversationId);

/// Bytes of a cursor.
pub(super) const CURSOR: usize = 25;

pub(super) fn place(held: &Held) -> Place {
    let last = held.head.preview.as_ref().map(|preview| preview.created_at);
    (held.settings.is_pinned, last.unwrap_or(held.head.created_at), held.id)
}

pub(super) fn sort(all: &mut [Held]) {
    all.sort_unstable_by_key(|held| Reverse(place(held)));
}

pub(super) fn write_cursor((pinned, at, id): Place) -> String {
    cursor_text(&[[u8::from(pinned)].as_slice(), &at.0.to_be_bytes(), &id.bytes()].concat())
}

pub(super) fn read_cursor(bytes: [u8; CURSOR]) -> Place {
    let [pinned, rest @ ..] = bytes;
    let at = rest.first_chunk::<8>().copied().unwrap_or_default();
    let id = rest.last_chunk::<16>().copied().unwrap_or_default();
    let id = ConversationId(Uuid::from_bytes(id));
    (pinned != 0, Timestamp(i64::from_be_bytes(at)), id)
}

/// What a list is to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    kind: Option<Kind>,
    /// Archived ones alone; else they are left out.
    archived: bool,
    pinned: Option<bool>,
    /// Lower case.
    search: Option<String>,
}

impl Filters {
    pub(super) fn read(params: &Params) -> Result<Self, Failure> {
        let kind = match params.text("type") {
            None => None,
            Some(text) => Some(Kind::read(text).ok_or_else(|| {
                let why = "type must be one of direct, group, channel".to_owned();
                ApiError::invalid(vec![why])
            })?),
        };
        let search = params.text("search").map(|text| text.trim().to_lowercase());
        let search = search.filter(|text| !text.is_empty());
        if search.as_ref().is_some_and(|t| t.chars().count() > limits::CONVERSATION_NAME_CHARS) {
            let most = limits::CONVERSATION_NAME_CHARS;
            let why = format!("search must have at most {most} characters");
            return Err(ApiError::invalid(vec![why]).into());
        }
        Ok(Self {
            kind,
            archived: params.boolean("archived")?.unwrap_or(false),
            pinned: params.boolean("pinned")?,
            search,
        })
    }

    /// Whether names are looked for.
    pub(super) fn searches(&self) -> bool {
        self.search.is_some()
    }

    /// Whether a conversation is to be in the list, but for its name.
    pub(super) fn admits(&self, held: &Held) -> bool {
        self.kind.is_none_or(|kind| kind == held.head.kind)
            && self.archived == held.settings.is_archived
            && self.pinned.is_none_or(|pinned| pinned == held.settings.is_pinned)
    }

    /// Whether its name, or the other one's, has what is looked for.
    pub(super) fn finds(
        &self,
        held: &Held,
        viewer: UserId,
        users: &HashMap<UserId, UserHead>,
    ) -> bool {
        let Some(wanted) = self.search.as_deref() else { return true };
        let has = |text: &str| text.to_lowercase().contains(wanted);
        let by_name = held.head.settings.name.as_deref().is_some_and(has);
        by_name
            || (is_notes(&held.head) && has(NOTES))
            || others(held, viewer).any(|other| {
                users.get(&other).is_some_and(|head| {
                    let profile = &head.profile;
                    let names = [&profile.first_name, &profile.last_name];
                    let names: Vec<&str> =
                        names.into_iter().flatten().map(String::as_str).collect();
                    head.deleted_at.is_none() && (has(&profile.username) || has(&names.join(" ")))
                })
            })
    }
}

/// The other one of a direct conversation.
pub(super) fn others(held: &Held, viewer: UserId) -> impl Iterator<Item = UserId> {
    let direct = held.head.kind == Kind::Direct;
    held.head.members.0.iter().copied().filter(move |user| direct && *user != viewer)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::tests::{self, ME};
    use crate::query::Page;

    fn list() -> impl Strategy<Value = Vec<Held>> {
        let one = (any::<bool>(), any::<bool>(), 0..3, 0..4_i64);
        proptest::collection::vec(one, 0..40).prop_map(|all| {
            let one = |(id, (pinned, archived, kind, at)): (usize, (bool, bool, i32, i64))| {
                let mut held = tests::held(u128::try_from(id).unwrap(), at);
                held.settings.is_pinned = pinned;
                held.settings.is_archived = archived;
                held.head.kind =
                    [Kind::Direct, Kind::Group, Kind::Channel][usize::try_from(kind).unwrap()];
                held
            };
            all.into_iter().enumerate().map(one).collect()
        })
    }

    fn ids(list: &[Held]) -> Vec<ConversationId> {
        list.iter().map(|held| held.id).collect()
    }

    proptest! {
        #[test]
        fn cursors_and_pages_walk_the_whole_list_once((mut all, limit) in (list(), 1..7_i64)) {
            sort(&mut all);
            let (mut by_cursor, mut by_page) = (Vec::new(), Vec::new());
            let (mut cursor, mut number) = (None, 1);
            loop {
                let (shown, more) = Page { page: 1, limit }.part(&all, cursor, place);
                by_cursor.extend(ids(shown));
                let (same, also) = Page { page: number, limit }.part(&all, None, place);
                by_page.extend(ids(same));
                prop_assert_eq!(more, also);
                if !more {
                    break;
                }
                cursor = shown.last().map(place);
                number += 1;
            }
            prop_assert_eq!(&by_cursor, &ids(&all));
            prop_assert_eq!(&by_page, &ids(&all));
        }

        #[test]
        fn pinned_ones_are_first_and_then_the_last_active(mut all in list()) {
            sort(&mut all);
            for pair in all.windows(2) {
                let (a, b) = (&pair[0], &pair[1]);
                prop_assert!(a.settings.is_pinned >= b.settings.is_pinned);
                prop_assert!(a.settings.is_pinned != b.settings.is_pinned || place(a).1 >= place(b).1);
            }
        }

        #[test]
        fn a_cursor_whose_conversation_has_moved_on_repeats_and_skips_no_other(
            (mut all, at) in (list(), any::<prop::sample::Index>())
        ) {
            prop_assume!(!all.is_empty());
            sort(&mut all);
            let last = at.index(all.len());
            let cursor = place(&all[last]);
            let rest = ids(&all[last + 1..]);
            all[last].head.preview.as_mut().into_iter().for_each(|p| p.created_at = Timestamp(9));
            sort(&mut all);
            let (shown, _) = Page { page: 1, limit: 100 }.part(&all, Some(cursor), place);
            prop_assert_eq!(ids(shown), rest);
        }

        #[test]
        fn filters_filter_only_when_given(all in list()) {
            let admitted = |filters: Filters| {
                let admitted: Vec<_> = all.iter().filter(|held| filters.admits(held)).collect();
                admitted.iter().map(|held| held.id).collect::<Vec<_>>()
            };
            let wanted = |wanted: &dyn Fn(&Held) -> bool| {
                ids(&all.iter().filter(|held| wanted(held)).cloned().collect::<Vec<_>>())
            };
            let none = Filters::default();
            prop_assert_eq!(admitted(none.clone()), wanted(&|h| !h.settings.is_archived));
            let archived = Filters { archived: true, ..none.clone() };
            prop_assert_eq!(admitted(archived), wanted(&|h| h.settings.is_archived));
            for pinned in [true, false] {
                let filters = Filters { pinned: Some(pinned), ..none.clone() };
                let expected =
                    wanted(&|h| !h.settings.is_archived && h.settings.is_pinned == pinned);
                prop_assert_eq!(admitted(filters), expected);
            }
            let kind = Filters { kind: Some(Kind::Channel), ..none };
            let expected =
                wanted(&|h| !h.settings.is_archived && h.head.kind == Kind::Channel);
            prop_assert_eq!(admitted(kind), expected);
        }
    }

    #[test]
    fn a_cursor_reads_back() {
        for pinned in [true, false] {
            let place = (pinned, Timestamp(1_800_000_000_123), ConversationId(Uuid::from_u128(9)));
            let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(write_cursor(place));
            assert_eq!(read_cursor(bytes.unwrap().try_into().unwrap()), place);
        }
    }

    #[test]
    fn a_name_is_found_by_any_part_of_it() {
        let search = |text: &str| Filters { search: Some(text.to_owned()), ..Filters::default() };
        let mut group = tests::held(1, 0);
        group.head.settings.name = Some("Garden Club".to_owned());
        let none = HashMap::new();
        assert!(search("den c").finds(&group, ME, &none));
        assert!(!search("x").finds(&group, ME, &none));
        let mut notes = tests::held(2, 0);
        notes.head.kind = Kind::Direct;
        notes.head.members.0 = vec![ME];
        assert!(search("notes").finds(&notes, ME, &none));
    }
}

use schemas::table::{Class, Table as _};

use super::*;

schemas::table! {
    /// One of each.
    pub struct Item in "items", prefix 0x7f34, class Class::Folded("test");
    partition { owner: i64 }
    cluster { a: i64 => Desc }
    data { text: String, note: Option<String> }
}

fn found(kind: &str, role: &str, position: i32, order: &str) -> Found {
    Found { kind: kind.into(), role: role.into(), position, order: order.into() }
}

fn complete() -> Tables {
    let columns = [
        ("owner", found("bigint", "partition_key", 0, "none")),
        ("a", found("bigint", "clustering", 0, "desc")),
        ("text", found("text", "regular", -1, "none")),
        ("note", found("text", "regular", -1, "none")),
        ("stamp", found("bigint", "regular", -1, "none")),
    ];
    let columns = columns.map(|(name, found)| (name.to_owned(), found));
    Tables::from([("items".to_owned(), BTreeMap::from(columns))])
}

fn changed(change: impl FnOnce(&mut BTreeMap<String, Found>)) -> Result<Vec<Step>, Error> {
    let mut tables = complete();
    change(tables.get_mut("items").expect("there"));
    plan(&[Item::DEF], Some(&tables))
}

#[test]
fn what_is_missing_is_added_and_what_is_more_is_left_alone() {
    assert_eq!(plan(&[Item::DEF], None), Ok(vec![Step::Create(Item::DEF)]));
    assert_eq!(plan(&[Item::DEF], Some(&Tables::new())), Ok(vec![Step::Create(Item::DEF)]));
    assert_eq!(plan(&[Item::DEF], Some(&complete())), Ok(vec![]));
    let newer = |columns: &mut BTreeMap<String, Found>| {
        columns.insert("later".into(), found("text", "regular", -1, "none"));
    };
    assert_eq!(changed(newer), Ok(vec![]));
    let older = |columns: &mut BTreeMap<String, Found>| {
        columns.remove("note");
        columns.remove("stamp");
    };
    let steps = changed(older).expect("can be added");
    let add = |name, kind| Step::Add(Item::DEF, name, kind);
    assert_eq!(steps, [add("note", Kind::Text), add("stamp", Kind::Int)]);
    assert_eq!(steps[0].text("k"), "ALTER TABLE \"k\".\"items\" ADD \"note\" text");
    assert_eq!(steps[0].to_string(), "add items.note");
}

#[test]
fn what_is_otherwise_is_refused() {
    let refused = |change: fn(&mut BTreeMap<String, Found>)| {
        let outcome = changed(change);
        assert!(matches!(&outcome, Err(Error::Failed(_))), "{outcome:?}");
    };
    refused(|columns| drop(columns.insert("text".into(), found("blob", "regular", -1, "none"))));
    refused(|columns| drop(columns.insert("text".into(), found("text", "static", -1, "none"))));
    refused(|columns| drop(columns.insert("a".into(), found("bigint", "clustering", 0, "asc"))));
    refused(|columns| drop(columns.insert("a".into(), found("bigint", "clustering", 1, "desc"))));
    refused(|columns| drop(columns.remove("a")));
    refused(|columns| drop(columns.remove("owner")));
}

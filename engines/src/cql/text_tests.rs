use schemas::table::Table as _;

use super::*;

schemas::table! {
    /// Both orders.
    pub struct Item in "items", prefix 0x7f31, class Class::Folded("test");
    partition { owner: uuid::Uuid, bucket: i64 }
    cluster { seq: i64 => Asc, tag: String => Desc }
    data { body: bytes::Bytes, flag: Option<bool> }
}

schemas::table! {
    /// Direct, one column in its key.
    pub struct Name in "names", prefix 0x7f32, class Class::Direct;
    partition { name: String }
    cluster {}
    data { owner: uuid::Uuid }
}

fn of(def: &TableDef, shape: Shape) -> String {
    statement("parlance", def, shape)
}

#[test]
fn tables_are_created_as_defined() {
    assert_eq!(
        create_table("parlance", Item::DEF),
        "CREATE TABLE IF NOT EXISTS \"parlance\".\"items\" (\"owner\" uuid, \"bucket\" bigint, \
         \"seq\" bigint, \"tag\" text, \"body\" blob, \"flag\" boolean, \"stamp\" bigint, \
         PRIMARY KEY ((\"owner\", \"bucket\"), \"seq\", \"tag\")) WITH CLUSTERING ORDER BY \
         (\"seq\" ASC, \"tag\" DESC) AND gc_grace_seconds = 864000 AND default_time_to_live = 0 AND \
         compaction = {'class': 'SizeTieredCompactionStrategy'}"
    );
    assert_eq!(
        create_table("parlance", Name::DEF),
        "CREATE TABLE IF NOT EXISTS \"parlance\".\"names\" (\"name\" text, \"owner\" uuid, \
         \"stamp\" bigint, PRIMARY KEY ((\"name\"))) WITH gc_grace_seconds = 864000 AND \
         default_time_to_live = 0 AND compaction = {'class': 'SizeTieredCompactionStrategy'}"
    );
}

#[test]
fn keyspaces_say_what_is_of_one_engine_to_that_engine_only() {
    let on = |scylla| create_keyspace("parlance", "dc'1", 3, scylla);
    assert_eq!(
        on(false),
        "CREATE KEYSPACE IF NOT EXISTS \"parlance\" WITH replication = \
         {'class': 'NetworkTopologyStrategy', 'dc''1': 3}"
    );
    assert_eq!(on(true), format!("{} AND tablets = {{'enabled': false}}", on(false)));
}

#[test]
fn folded_rows_are_written_with_their_stamp() {
    assert_eq!(
        of(Item::DEF, Shape::Insert),
        "INSERT INTO \"parlance\".\"items\" (\"owner\", \"bucket\", \"seq\", \"tag\", \"body\", \
         \"flag\", \"stamp\") VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
    );
    assert_eq!(
        of(Item::DEF, Shape::Delete),
        "DELETE FROM \"parlance\".\"items\" USING TIMESTAMP ? WHERE \"owner\" = ? AND \
         \"bucket\" = ? AND \"seq\" = ? AND \"tag\" = ?"
    );
    for def in schemas::table::all() {
        for shape in [Shape::Insert, Shape::Delete] {
            let folded = def.class != Class::Direct;
            assert_eq!(of(def, shape).contains("USING TIMESTAMP ?"), folded, "{}", def.name);
        }
    }
}

#[test]
fn direct_rows_are_compared_in_every_cell_and_by_their_stamp() {
    assert_eq!(
        of(Name::DEF, Shape::Claim),
        "INSERT INTO \"parlance\".\"names\" (\"name\", \"owner\", \"stamp\") VALUES (?, ?, ?) \
         IF NOT EXISTS"
    );
    assert_eq!(
        of(Name::DEF, Shape::Swap),
        "UPDATE \"parlance\".\"names\" SET \"owner\" = ?, \"stamp\" = ? WHERE \"name\" = ? \
         IF \"owner\" = ? AND \"stamp\" = ?"
    );
    assert_eq!(
        of(Name::DEF, Shape::Remove),
        "DELETE FROM \"parlance\".\"names\" WHERE \"name\" = ? IF \"owner\" = ? AND \"stamp\" = ?"
    );
}

#[test]
fn reads_name_their_columns() {
    let select = "SELECT \"owner\", \"bucket\", \"seq\", \"tag\", \"body\", \"flag\", \"stamp\" \
                  FROM \"parlance\".\"items\"";
    let tokens = "TOKEN(\"owner\", \"bucket\") > TOKEN(?, ?)";
    assert_eq!(of(Item::DEF, Shape::Dump), format!("{select} LIMIT ?"));
    assert_eq!(of(Item::DEF, Shape::DumpAfter), format!("{select} WHERE {tokens} LIMIT ?"));
    let scan = |equal, lower, upper, reverse| {
        let shape = Shape::Scan(ScanShape { equal, lower, upper, reverse });
        let text = of(Item::DEF, shape);
        let head = format!("{select} WHERE \"owner\" = ? AND \"bucket\" = ?");
        text.strip_prefix(&head).expect("the partition first").to_owned()
    };
    assert_eq!(scan(0, Side::None, Side::None, false), " LIMIT ?");
    assert_eq!(
        scan(0, Side::Inclusive, Side::Exclusive, false),
        " AND \"seq\" >= ? AND \"seq\" < ? LIMIT ?"
    );
    // Tags run down: behind a tag lie smaller ones.
    assert_eq!(
        scan(1, Side::Exclusive, Side::Inclusive, true),
        " AND \"seq\" = ? AND \"tag\" < ? AND \"tag\" >= ? ORDER BY \"seq\" DESC, \"tag\" ASC LIMIT ?"
    );
    assert_eq!(scan(2, Side::None, Side::None, false), " AND \"seq\" = ? AND \"tag\" = ? LIMIT ?");
}

#[test]
fn every_shape_has_a_place_of_its_own() {
    let sides = [Side::None, Side::Exclusive, Side::Inclusive];
    let mut places: Vec<usize> = [
        Shape::Insert,
        Shape::Delete,
        Shape::Get,
        Shape::Claim,
        Shape::Swap,
        Shape::Remove,
        Shape::Dump,
        Shape::DumpAfter,
    ]
    .map(Shape::index)
    .to_vec();
    for equal in 0..=2 {
        for lower in sides {
            for upper in sides {
                for reverse in [false, true] {
                    let shape = ScanShape { equal, lower, upper, reverse };
                    places.push(Shape::Scan(shape).index());
                }
            }
        }
    }
    places.sort_unstable();
    assert_eq!(places, (0..Shape::count(Item::DEF)).collect::<Vec<_>>());
}

#[test]
fn no_table_has_a_column_with_the_engines_name() {
    for def in schemas::table::all() {
        assert!(def.columns.iter().all(|column| column.name != STAMP), "{}", def.name);
    }
}

#[test]
fn keyspaces_have_names_that_both_engines_take() {
    assert_eq!(keyspace("", "parlance"), Ok("parlance".into()));
    assert_eq!(keyspace("Team-7.eu", "parlance"), Ok("team_7_eu_parlance".into()));
    assert!(keyspace("", "").is_err());
    assert!(keyspace(&"n".repeat(40), "parlance").is_err());
}

//! docs/METRICS.md lists what is defined, and nothing else. `DOCUMENTS=write` writes it anew.

use std::path::Path;

use super::label::Label;
use super::{DEFINITIONS, Definition};

fn row(definition: &Definition) -> String {
    let Definition { name, help, kind, unit, labels, buckets } = definition;
    let labels: Vec<_> = labels.iter().map(|label| format!("`{}`", label.name)).collect();
    let mut kind = format!("{kind:?}").to_lowercase();
    if let Some(buckets) = buckets {
        let last = (1..buckets.count).fold(buckets.first, |bound, _| bound * buckets.factor);
        let short =
            |bound: f64| if bound < 1.0 { format!("{bound}") } else { format!("{bound:.0}") };
        kind = format!("{kind}, {} to {}", short(buckets.first), short(last));
    }
    format!("| `{name}` | {} | {kind} | {unit} | {} |\n", labels.join(", "), help.trim())
}

fn metrics() -> String {
    let head = "| metric | labels | type | unit | tells |\n|---|---|---|---|---|\n";
    DEFINITIONS.iter().map(row).fold(head.to_owned(), |table, row| table + &row)
}

fn labels() -> String {
    let mut all: Vec<&Label> = DEFINITIONS.iter().flat_map(|row| row.labels).copied().collect();
    all.sort_by_key(|label| (label.name, label.values.len()));
    all.dedup();
    let row = |label: &Label| {
        let values: Vec<_> = label.values.iter().map(|value| format!("`{value}`")).collect();
        let values = if values.is_empty() { "bounded".to_owned() } else { values.join(" ") };
        format!("| `{}` | {} | {values} |\n", label.name, label.of)
    };
    let head = "| label | tells apart | values |\n|---|---|---|\n";
    all.into_iter().map(row).fold(head.to_owned(), |table, row| table + &row)
}

/// The page with this between its marks.
fn filled(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (head, rest) = page.split_once(&begin).expect("the mark is there");
    let (_, tail) = rest.split_once(&end).expect("the other mark is there");
    format!("{head}{begin}{table}{end}{tail}")
}

#[test]
fn the_page_lists_what_is_defined_and_nothing_else() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/METRICS.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let wanted = filled(&filled(&page, "metrics", &metrics()), "labels", &labels());
    if std::env::var("DOCUMENTS").is_ok_and(|value| value == "write") {
        std::fs::write(&path, &wanted).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap();
    assert!(
        known == wanted,
        "it drifted: DOCUMENTS=write cargo test -p parlance-platform telemetry"
    );
}

use super::*;

fn rendered(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render()).unwrap()
}

#[test]
fn invariants_are_there_at_zero_from_the_start() {
    let text = rendered(&Metrics::new());
    for id in label::INVARIANT.values {
        let line = format!("parlance_invariant_violations_total{{id=\"{id}\"}} 0\n");
        assert!(text.contains(&line), "{id}");
    }
}

#[test]
fn readings_are_the_sum_of_what_is_seen_at_each_scrape() {
    let metrics = Metrics::new();
    for depth in [2_u32, 3] {
        metrics.watch(move |all| all.queue.add(&["replies"], depth));
        metrics.watch(move |all| all.socket_queue_max_bytes.at_least(depth));
    }
    for _ in 0..2 {
        let text = rendered(&metrics);
        assert!(text.contains("parlance_queue_depth{queue=\"replies\"} 5\n"), "{text}");
        assert!(text.contains("parlance_socket_queue_max_bytes 3\n"), "{text}");
    }
}

#[test]
fn names_tell_the_type_and_the_unit() {
    let mut names: Vec<_> = DEFINITIONS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DEFINITIONS.len(), "a name is there twice");
    for Definition { name, help, kind, unit, labels, buckets } in DEFINITIONS {
        assert!(name.starts_with("parlance_"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert_eq!(buckets.is_some(), *kind == Kind::Histogram, "{name}");
        assert!(help.trim().ends_with('.') && !help.contains("  "), "{name}: {help:?}");
        let base = name.trim_end_matches("_total");
        for base_unit in ["seconds", "bytes"] {
            assert_eq!(base.ends_with(base_unit), *unit == base_unit, "{name}: {unit}");
        }
        let mut series = 1;
        for label in *labels {
            series *= label.values.len().max(1);
        }
        assert!(series <= 64, "{name} has {series} series");
    }
}

//! Golden files.

use std::fs;
use std::path::PathBuf;

/// What a golden file keeps, after a look whether the same is written today.
pub(crate) fn golden(name: &str, now: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var("GOLDEN").is_ok_and(|value| value == "write") {
        fs::write(&path, now).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        String::from_utf8_lossy(&kept),
        String::from_utf8_lossy(now),
        "{name}: what is written has changed; a new form needs a new version and a new file"
    );
    kept
}

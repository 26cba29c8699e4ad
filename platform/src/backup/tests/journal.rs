//! What the journal and the store do to a backup while it is made: damage, and more writes than it reads.

use super::*;

/// Zeros look like the end of the records, and are damage all the same.
#[test]
fn zeros_in_the_middle_of_any_segment_are_no_backup() {
    let dir = TempDir::new().unwrap();
    small(dir.path());
    // Opened again: the lengths of older segments are those of their files.
    for opened in 0..2 {
        let server = Server::open(&dir.path().join("data"));
        if opened == 0 {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                for n in 0..600 {
                    server.register(n % 3, &format!("more {n}")).await;
                }
            });
        }
        let segments = server.log.synced_lengths();
        assert!(segments.len() > 2, "{segments:?}");
        for (name, length) in &segments {
            let path = server.data.log().join(name);
            let whole = fs::read(&path).unwrap();
            let end = usize::try_from(*length).unwrap();
            let used = whole[..end].iter().rposition(|byte| *byte != 0).unwrap();
            // In a segment without a record: in its head.
            let middle = used / 2;
            let mut wrong = whole.clone();
            wrong[middle..(middle + 64).min(end)].fill(0);
            overwrite(&path, &wrong);
            let to = dir.path().join("zeros");
            let outcome = server.back_up(&to).map(|_| ()).map_err(|error| error.to_string());
            overwrite(&path, &whole);
            let error = outcome.unwrap_err();
            assert!(error.contains(name) && error.contains("damaged"), "{error}");
            assert!(!to.exists());
        }
        server.back_up(&dir.path().join(format!("whole {opened}"))).unwrap();
    }
}

/// Zeros from a frame's first byte on: what is before them has no fault.
#[test]
fn a_segment_that_ends_early_at_a_record_is_no_backup() {
    let dir = TempDir::new().unwrap();
    small(dir.path());
    let server = Server::open(&dir.path().join("data"));
    for (name, length) in server.log.synced_lengths() {
        let path = server.data.log().join(&name);
        let whole = fs::read(&path).unwrap();
        let end = usize::try_from(length).unwrap();
        let (mut at, mut frames) = (0, Vec::new());
        while at + 4 <= end {
            let size = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap());
            if size == 0 {
                break;
            }
            frames.push(at);
            at += usize::try_from(size).unwrap() + 8;
        }
        let Some(last) = frames.iter().copied().skip(1).last() else { continue };
        let mut wrong = whole.clone();
        wrong[last..end].fill(0);
        overwrite(&path, &wrong);
        let outcome = server.back_up(&dir.path().join("early"));
        overwrite(&path, &whole);
        assert!(outcome.is_err(), "{name}");
    }
    server.back_up(&dir.path().join("early")).unwrap();
}

/// In place: the server has the file open.
fn overwrite(path: &Path, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
}

#[test]
fn a_log_that_ends_before_the_manifest_says_is_not_restored() {
    let dir = TempDir::new().unwrap();
    let to = small(dir.path());
    let mut manifest = Manifest::read(&to).unwrap();
    manifest.ends.iter_mut().find(|end| end.end > 0).unwrap().end += 1;
    fs::write(to.join(MANIFEST), manifest.text()).unwrap();
    let other = dir.path().join("other");
    let error = restore(&to, &other, clock(), &mut quiet()).unwrap_err();
    assert!(matches!(error, Error::Unfit(_)), "{error}");
    // Nothing but the lock.
    assert_eq!(files(&other), [other.join("LOCK")]);
}

#[test]
fn a_server_that_writes_faster_than_the_backup_reads_is_not_filled_with_its_past() {
    let dir = TempDir::new().unwrap();
    small(dir.path());
    let server = Server::open(&dir.path().join("data"));
    let to = dir.path().join("outrun");
    let write = |bytes: usize| {
        for n in 0..bytes >> 10 {
            let key = [&b"~"[..], &n.to_be_bytes()].concat();
            server.store.system_write([(key, Some(vec![0; 1 << 10]))]).unwrap();
        }
    };
    let may = 512 << 10;
    let source = Source { memory: Some(may), ..server.source() };
    let outcome = create(source, &to, &mut |now| {
        if now.step == "accounts" {
            write(2 << 20);
        }
        ControlFlow::Continue(())
    });
    match outcome {
        Err(Error::Outrun { held, may: told }) => assert!(held > may && told == may),
        other => panic!("{other:?}"),
    }
    assert!(!to.exists());
    // What is written while the log is copied costs nothing.
    let quick = create(source, &to, &mut |now| {
        if now.step == "journal" {
            write(2 << 20);
        }
        ControlFlow::Continue(())
    });
    quick.unwrap();
}

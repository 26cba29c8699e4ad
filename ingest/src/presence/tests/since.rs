//! What a user has decided since the pool published him.

use super::*;

#[tokio::test]
async fn a_decision_that_is_taken_back_is_so_before_the_pool_has_heard_of_it() {
    use Status::{Away, DoNotDisturb, Offline, Online};
    let world = stage().await;
    for (decided, otherwise) in [(DoNotDisturb, Online), (Offline, Away), (Away, DoNotDisturb)] {
        for user in [ME, OTHER] {
            let published = Entry { otherwise: Some(otherwise), ..entry(user, decided) };
            publish(&world, &published).await;
            for now in [None, Some(Away), Some(Offline)] {
                let presence = Preference { status: now, ..Preference::default() };
                let known = Head { presence, last_at: SEEN.plus_ms(5), ..head() };
                write(&world, vec![row(&UserHead::of(user, &known))]).await;
                let path = format!("/presence/users/{user}");
                let paths = if user == ME { vec!["/presence/me", &path] } else { vec![&*path] };
                for path in paths {
                    let shown = get(&world, path).await;
                    let what = format!("{path}: {decided:?}, {otherwise:?}, {now:?}: {shown}");
                    let status = now.unwrap_or(otherwise);
                    assert_eq!(shown["status"], status.text(), "{what}");
                    assert_eq!(shown["showAsAway"], status == Away, "{what}");
                    let since = if status == decided { SEEN } else { known.last_at };
                    assert_eq!(shown["createdAt"], json!(since), "{what}");
                    assert!(now == Some(Offline) || shown["updatedAt"] == json!(since), "{what}");
                }
            }
        }
    }
    // One who hid is seen as of what he did meanwhile.
    let hid = Entry { otherwise: Some(Online), ..entry(OTHER, Offline) };
    publish(&world, &Entry { last_seen_at: Some(SEEN.plus_ms(-9)), ..hid }).await;
    let known = Head { last_at: SEEN.plus_ms(5), ..head() };
    write(&world, vec![row(&UserHead::of(OTHER, &known))]).await;
    let shown = get(&world, &format!("/presence/users/{OTHER}")).await;
    assert_eq!(shown["lastSeenAt"], json!(SEEN), "{shown}");
}

#[tokio::test]
async fn an_old_head_shows_nobody_who_has_hidden_by_the_time_his_board_is_read() {
    let world = stage().await;
    let hides = Privacy { online: false, ..Privacy::default() };
    let offline = Preference { status: Some(Status::Offline), ..Preference::default() };
    for (presence, privacy, status) in [
        (offline, Privacy::default(), Status::Offline),
        (Preference::default(), hides, Status::Online),
    ] {
        let known = Head { presence, privacy, ..head() };
        write(&world, vec![row(&UserHead::of(OTHER, &known))]).await;
        let otherwise = (status == Status::Offline).then_some(Status::Online);
        let hidden = Entry { otherwise, online: privacy.online, ..entry(OTHER, status) };
        publish(&world, &hidden).await;
        let old = head();
        let seen = super::super::seen::with_heads(&world.ingest, ME, &[(OTHER, Some(&old))]).await;
        let shown = super::super::sight::shown(&seen.unwrap()[0], ME, world.ingest.now());
        assert_eq!(shown.shown.status, Status::Offline);
    }
}

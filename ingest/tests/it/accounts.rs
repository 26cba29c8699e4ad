//! Registration and login.

use http::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, form, request};

async fn register(world: &World, form: Value, key: Option<&str>) -> crate::world::Answer {
    let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    world.raw(0, request(Method::POST, "/auth/register", None, Some(form), &headers)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_user_signs_in_by_name_or_address_and_sees_himself() {
    let world = World::new().await;
    let answer = register(&world, form("Alice"), None).await;
    let data = answer.ok(201);
    let id = data["userId"].as_str().unwrap().to_owned();
    assert!(data.get("verificationToken").is_none());

    let by_name = world.login("aLiCe").await;
    let by_address = world.login("ALICE@example.org").await;
    assert_eq!((&by_name.id, &by_address.id), (&id, &id));

    let answer = world.get("/users/me", &by_name).await;
    let me = answer.ok(200);
    assert_eq!(me["username"], "Alice");
    assert_eq!(me["email"], "Alice@example.org");
    assert_eq!(me["phone"], Value::Null);
    assert_eq!(me["subscriptionTier"], "free");
    assert!(!answer.body.to_string().contains("argon2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_or_address_is_taken_once_whatever_its_case() {
    let world = World::new().await;
    register(&world, form("bob"), None).await.ok(201);
    let mut same_name = form("BOB");
    same_name["email"] = json!("other@example.org");
    register(&world, same_name, None).await.refused(409, "username_taken");
    let mut same_address = form("bobby");
    same_address["email"] = json!("BOB@example.org");
    register(&world, same_address.clone(), None).await.refused(409, "email_taken");
    // The name of the refused registration is free at once.
    same_address["email"] = json!("bobby@example.org");
    register(&world, same_address, None).await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    let world = World::new().await;
    let tries = (0..8).map(|n| {
        let mut form = form("carol");
        form["email"] = json!(format!("carol{n}@example.org"));
        let (world, node) = (&world, n % 2);
        async move {
            let request = request(Method::POST, "/auth/register", None, Some(form), &[]);
            world.raw(node, request).await.status.as_u16()
        }
    });
    let mut statuses = futures_util::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_retried_with_its_key() {
    let world = World::new().await;
    let first = register(&world, form("dave"), Some("k-1")).await;
    let id = first.ok(201)["userId"].clone();
    for _ in 0..2 {
        let again = register(&world, form("dave"), Some("k-1")).await;
        assert_eq!(again.ok(201)["userId"], id);
    }
    let mut other = form("dave");
    other["password"] = json!("another horse battery");
    register(&world, other, Some("k-1")).await.refused(409, "idempotency_mismatch");
    register(&world, form("dave"), Some("k-2")).await.refused(409, "username_taken");
    register(&world, form("dave"), None).await.refused(409, "username_taken");
    world.login("dave").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_registrations_at_once_are_one_user() {
    let world = World::new().await;
    let tries = (0..6).map(|_| register(&world, form("erin"), Some("same")));
    let answers = futures_util::future::join_all(tries).await;
    let ids: std::collections::HashSet<_> =
        answers.iter().map(|answer| answer.ok(201)["userId"].to_string()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_left_behind_falls_free_after_a_minute_and_not_before() {
    use schemas::table::Write;
    use schemas::user::table::Claim;
    use schemas::{Stamp, UserId};

    let world = World::new().await;
    let now = platform::Clock::now(&*world.clock);
    let claim = Claim {
        kind: "username".into(),
        value: "frank".into(),
        owner: UserId(uuid::Uuid::from_u128(1)),
        confirmed: false,
        deadline: now.plus_ms(60_000),
    };
    world.platform.store.claim(Write::insert(&claim, Stamp(0))).await.unwrap();
    register(&world, form("frank"), None).await.refused(409, "username_taken");
    world.clock.advance_ms(60_000);
    register(&world, form("frank"), None).await.ok(201);
    world.login("frank").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_the_log_takes_too_late_makes_no_user() {
    use schemas::UserId;
    use schemas::envelope::UserCommand;
    use schemas::outbound::Reply;
    use schemas::user::command::{Create, Void};
    use schemas::user::head::Profile;
    use schemas::user::table::UserHead;

    let world = World::new().await;
    let user = UserId(uuid::Uuid::from_u128(5));
    let now = platform::Clock::now(&*world.clock);
    let create = |until_ms| {
        let profile = Profile {
            username: "late".into(),
            email: "late@example.org".into(),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            phone: None,
        };
        let valid_until = Some(now.plus_ms(until_ms));
        UserCommand::Create(Create { user_id: user, profile, valid_until })
    };
    let void = UserCommand::Void(Void { user_id: user });
    let head = async || world.platform.store.get(&[UserHead::get(user)]).await.unwrap().remove(0);

    let late = world.command(user, &create(-1)).await;
    assert!(matches!(&late, Reply::Rejected(error) if error.code.text() == "overloaded"));
    assert!(matches!(world.command(user, &void).await, Reply::Before(_)));
    assert_eq!(head().await, None);
    assert!(matches!(world.command(user, &create(0)).await, Reply::Done { .. }));
    assert!(matches!(world.command(user, &void).await, Reply::Before(_)));
    assert!(head().await.is_some());
    let again = world.command(user, &create(-1)).await;
    assert!(matches!(again, Reply::Before(_)), "it was in time before: {again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn common_passwords_are_refused_before_anything_is_claimed() {
    let world = World::new().await;
    for weak in ["password", "12345678", "grace123", "grace@example.org"] {
        let mut form = form("grace");
        form["password"] = json!(weak);
        register(&world, form, None).await.refused(400, "validation_failed");
    }
    register(&world, form("grace"), None).await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_and_unknown_names_get_one_answer() {
    let world = World::new().await;
    world.user("heidi").await;
    let login = |identifier: &str, password: &str| {
        let body = json!({"identifier": identifier, "password": password});
        request(Method::POST, "/auth/login", None, Some(body), &[])
    };
    let wrong = world.raw(0, login("heidi", "wrong horse battery")).await;
    let unknown = world.raw(0, login("nobody", PASSWORD)).await;
    let unknown_address = world.raw(0, login("nobody@example.org", PASSWORD)).await;
    for answer in [&wrong, &unknown, &unknown_address] {
        answer.refused(401, "invalid_credentials");
        assert_eq!(answer.body["message"], wrong.body["message"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_registration_is_closed() {
    let world = World::with(|config| config.registration_open = false).await;
    register(&world, form("ivan"), None).await.refused(403, "forbidden");
}

//! One's own profile, settings and password.

use http::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, User, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_changed_field_by_field() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let body = json!({"firstName": "Al", "bio": "Gardens.", "avatarUrl": "https://example.org/a"});
    let answer = world.put("/users/me", &alice, body).await;
    let own = answer.ok(200);
    assert_eq!((&own["firstName"], &own["lastName"]), (&json!("Al"), &json!("Last")));
    assert_eq!(own["email"], "alice@example.org");

    let answer = world.patch("/users/me", &alice, json!({"bio": null, "status": "busy"})).await;
    let own = answer.ok(200);
    assert_eq!((&own["bio"], &own["status"]), (&Value::Null, &json!("busy")));
    let path = format!("/users/{}", alice.id);
    let seen = world.call_at(1, Method::GET, &path, Some(&bob), None).await;
    assert_eq!(
        (&seen.ok(200)["firstName"], &seen.ok(200)["status"]),
        (&json!("Al"), &json!("busy"))
    );
    assert_eq!(world.put("/users/me", &alice, json!({})).await.ok(200)["status"], "busy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_the_new_name_and_not_the_old_one() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    world.put("/users/me", &alice, json!({"lastName": "Quince"})).await.ok(200);
    let found = async |query: &str| {
        let answer = world.get(&format!("/users/search?query={query}"), &bob).await;
        answer.ok(200)["users"].as_array().unwrap().len()
    };
    assert_eq!((found("quin").await, found("last").await), (1, 0));
    let answer = world.send(&alice, &world.direct(&alice, &bob).await, "hi").await;
    assert_eq!(answer.ok(201)["sender"]["lastName"], "Quince");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_profile_may_not_have_is_refused_and_nothing_changes() {
    let world = World::new().await;
    let me = world.user("alice").await;
    for (body, code) in [
        (json!({"firstName": ""}), "validation_failed"),
        (json!({"lastName": "x".repeat(101)}), "validation_failed"),
        (json!({"bio": "x".repeat(501)}), "validation_failed"),
        (json!({"status": "x".repeat(101)}), "validation_failed"),
        (json!({"avatarUrl": "javascript:alert(1)"}), "validation_failed"),
        (json!({"phone": "12345"}), "validation_failed"),
        (json!({"bio": 5}), "validation_failed"),
        (json!({"email": "new@example.org"}), "unknown_field"),
        (json!({"username": "root"}), "unknown_field"),
        (json!({"isVerified": true}), "unknown_field"),
    ] {
        world.put("/users/me", &me, body.clone()).await.refused(400, code);
        world.patch("/users/me", &me, body).await.refused(400, code);
    }
    let own = world.get("/users/me", &me).await;
    assert_eq!((&own.ok(200)["bio"], &own.ok(200)["username"]), (&Value::Null, &json!("alice")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_number_is_one_users_however_it_is_written() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let set = async |user: &User, phone: Value| {
        world
            .call_at(1, Method::PUT, "/users/me", Some(user), Some(json!({ "phone": phone })))
            .await
    };
    assert_eq!(set(&alice, json!("+49 30 123456")).await.ok(200)["phone"], "+49 30 123456");
    set(&bob, json!("+4930-123456")).await.refused(409, "conflict");
    // Written otherwise it is still hers.
    set(&alice, json!("+49 (30) 123456")).await.ok(200);
    set(&bob, json!("+4930123456")).await.refused(409, "conflict");
    // Another number: the old one is anybody's at once.
    set(&alice, json!("0301234567")).await.ok(200);
    set(&bob, json!("+4930123456")).await.ok(200);
    set(&alice, json!(null)).await.ok(200);
    set(&bob, json!("0301234567")).await.ok(200);
    let other = world.get(&format!("/users/{}", bob.id), &alice).await;
    assert!(!other.ok(200).to_string().contains("0301234567"), "nobody sees another's number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_a_number_at_once_one_has_it() {
    let world = World::new().await;
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(world.user(&format!("user{n}")).await);
    }
    let body = || Some(json!({"phone": "+49 30 123456"}));
    let tries = users
        .iter()
        .enumerate()
        .map(|(n, user)| world.call_at(n % 2, Method::PUT, "/users/me", Some(user), body()));
    let answers = futures_util::future::join_all(tries).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(409, "conflict");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_have_defaults_and_are_changed_in_part() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let first = world.get("/users/me/settings", &me).await;
    let settings = first.ok(200);
    assert_eq!((&settings["theme"], &settings["messageTextSize"]), (&json!("auto"), &json!(14)));
    assert_eq!((&settings["userId"], &settings["deletedAt"]), (&json!(me.id), &Value::Null));
    assert!(settings["createdAt"].is_string() && settings["updatedAt"].is_string());
    assert_eq!(settings.as_object().unwrap().len(), 31 + 5);

    world.clock.advance_ms(1_000);
    let body = json!({"theme": "dark", "aiTranslationTargetLang": "de"});
    let changed = world.put("/users/me/settings", &me, body).await;
    assert_eq!(changed.ok(200)["theme"], "dark");
    assert!(changed.ok(200)["updatedAt"].as_str() > settings["updatedAt"].as_str());
    let again = world.patch("/users/me/settings", &me, json!({"sendOnEnter": false})).await;
    assert_eq!(
        (&again.ok(200)["theme"], &again.ok(200)["sendOnEnter"]),
        (&json!("dark"), &json!(false))
    );
    let read = world.call_at(1, Method::GET, "/users/me/settings", Some(&me), None).await;
    assert_eq!(read.ok(200), again.ok(200));

    for (body, code) in [
        (json!({"theme": "blue"}), "validation_failed"),
        (json!({"messageTextSize": 9}), "validation_failed"),
        (json!({"sendOnEnter": "false"}), "validation_failed"),
        (json!({"role": "admin"}), "unknown_field"),
    ] {
        world.put("/users/me/settings", &me, body).await.refused(400, code);
    }
    world.put("/users/me/settings", &me, json!([])).await.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_every_other_session() {
    let world = World::new().await;
    let here = world.user("alice").await;
    let (there, other) = (world.login("alice").await, world.user("bob").await);
    let body = json!({"currentPassword": PASSWORD, "newPassword": "violet kettle eighty-one"});
    world.put("/users/me/password", &here, body.clone()).await.ok(200);
    for node in 0..2 {
        world.call_at(node, Method::GET, "/users/me", Some(&here), None).await.ok(200);
        world.call_at(node, Method::GET, "/users/me", Some(&other), None).await.ok(200);
    }
    crate::sessions::dies(&world, 1, &there).await.refused(401, "session_ended");
    let refresh = json!({"refreshToken": there.refresh});
    let refused = world.call(Method::POST, "/auth/refresh", None, Some(refresh)).await;
    refused.refused(401, "session_ended");

    let login = |password: &str| json!({"identifier": "alice", "password": password});
    let sign_in = async |password: &str| {
        world.call(Method::POST, "/auth/login", None, Some(login(password))).await
    };
    sign_in(PASSWORD).await.refused(401, "invalid_credentials");
    sign_in("violet kettle eighty-one").await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_changed_by_who_knows_it_and_to_a_good_one() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let change = async |current: &str, next: &str| {
        let body = json!({"currentPassword": current, "newPassword": next});
        world.patch("/users/me/password", &me, body).await
    };
    change("not the one", "violet kettle 81").await.refused(401, "invalid_credentials");
    change(PASSWORD, PASSWORD).await.refused(400, "validation_failed");
    change(PASSWORD, "short").await.refused(400, "validation_failed");
    change(PASSWORD, "password1").await.refused(400, "validation_failed");
    change(PASSWORD, &"x".repeat(129)).await.refused(400, "validation_failed");
    change("", "violet kettle 81").await.refused(400, "validation_failed");
    let extra = json!({"currentPassword": PASSWORD, "newPassword": "violet kettle 81", "x": 1});
    world.put("/users/me/password", &me, extra).await.refused(400, "unknown_field");
    world.login("alice").await;

    // A request that names itself may be repeated after its answer was lost.
    let body = json!({"currentPassword": PASSWORD, "newPassword": "violet kettle 81"});
    let path = "/users/me/password";
    world.named("change-1", Method::PUT, path, &me, body.clone()).await.ok(200);
    world.named("change-1", Method::PUT, path, &me, body.clone()).await.ok(200);
    world.put(path, &me, body).await.refused(401, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_token_does_not_guess_the_password() {
    let limits = ingest::config::Limits::default();
    let burst = limits.account.burst;
    let world = World::with(|config| config.limits = ingest::config::Limits::default()).await;
    let me = world.user("alice").await;
    let guess = async || {
        let body = json!({"currentPassword": "a guess", "newPassword": "violet kettle 81"});
        world.put("/users/me/password", &me, body).await
    };
    for _ in 0..burst {
        guess().await.refused(401, "invalid_credentials");
    }
    guess().await.refused(429, "rate_limited");
    // Others are not kept out, and neither is who signs in.
    world.user("bob").await;
    world.login("alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_undoes_no_change_of_the_profile() {
    let world = World::new().await;
    let me = world.user("alice").await;
    for n in 0..5 {
        let body = json!({"bio": n.to_string()});
        let change = world.put("/users/me", &me, body.clone());
        let (changed, _) = futures_util::future::join(change, world.login("alice")).await;
        assert_eq!(changed.ok(200)["bio"], body["bio"]);
        assert_eq!(world.get("/users/me", &me).await.ok(200)["bio"], body["bio"]);
    }
}

//! Profiles and search.

use serde_json::{Value, json};

use crate::world::{User, World, form};

async fn found(world: &World, user: &User, query: &str) -> (Vec<String>, Value) {
    let answer = world.get(&format!("/users/search?{query}"), user).await;
    let data = answer.ok(200).clone();
    let names = data["users"].as_array().unwrap().iter();
    (names.map(|user| user["username"].as_str().unwrap().to_owned()).collect(), data)
}

async fn named(world: &World, name: &str, first: &str, last: &str) {
    let mut form = form(name);
    form["firstName"] = json!(first);
    form["lastName"] = json!(last);
    let answer = world.call(http::Method::POST, "/auth/register", None, Some(form)).await;
    answer.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_see_the_public_view_and_nothing_more() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let answer = world.get(&format!("/users/{}", bob.id), &alice).await;
    let mut fields: Vec<_> = answer.ok(200).as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "avatarUrl",
            "bio",
            "createdAt",
            "firstName",
            "id",
            "isOnline",
            "lastName",
            "lastSeen",
            "presenceStatus",
            "status",
            "username"
        ]
    );
    let nobody = uuid::Uuid::from_u128(5);
    world.get(&format!("/users/{nobody}"), &alice).await.refused(404, "not_found");
    world.get("/users/5", &alice).await.refused(400, "malformed_id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_found_by_the_start_of_a_word_of_their_names() {
    let world = World::new().await;
    let me = world.user("annabel").await;
    named(&world, "anna", "Anna", "Karenina").await;
    named(&world, "leo", "Leo", "Tolstoy").await;
    named(&world, "x_ann", "Ánnä Märia", "Q").await;
    let names = async |query| found(&world, &me, query).await.0;
    assert_eq!(names("query=ann").await, ["anna"], "not oneself, each once");
    assert_eq!(names("q=KAREN").await, ["anna"]);
    assert_eq!(names("query=tol&unknown=1").await, ["leo"]);
    assert_eq!(names("query=m%C3%A4r").await, ["x_ann"]);
    assert_eq!(names("query=nina").await, Vec::<String>::new());
    assert_eq!(names("query=").await, Vec::<String>::new());
    assert_eq!(names("query=%20leo%20tolstoy").await, ["leo"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_finds_its_owner_only_when_it_is_whole_and_is_never_shown() {
    let world = World::new().await;
    let me = world.user("alice").await;
    world.user("bob").await;
    let (names, data) = found(&world, &me, "query=BOB@example.org").await;
    assert_eq!(names, ["bob"]);
    assert!(!data.to_string().contains("example.org"));
    assert_eq!(found(&world, &me, "query=bob@example").await.0, Vec::<String>::new());
    assert_eq!(found(&world, &me, "query=alice@example.org").await.0, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_cursors_show_everybody_once() {
    let world = World::new().await;
    let me = world.user("alice").await;
    for n in 0..5 {
        named(&world, &format!("zoe{n}"), "Zoe", "Zoetrope").await;
    }
    let (_, data) = found(&world, &me, "query=zo&limit=2&page=3").await;
    assert_eq!(data["pagination"], json!({"page": 3, "limit": 2, "total": 5, "totalPages": 3}));
    assert_eq!(data["users"].as_array().unwrap().len(), 1);
    assert_eq!(data["nextCursor"], Value::Null);

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("query=zo&limit=2&cursor={cursor}");
        let (names, data) = found(&world, &me, &query).await;
        seen.extend(names);
        match data["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["zoe0", "zoe1", "zoe2", "zoe3", "zoe4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_longer_than_any_name_or_address_finds_nobody() {
    let world = World::new().await;
    let me = world.user("alice").await;
    // The last is longer in lower case, and then than any key of the store.
    for (letter, count) in [("a", 255), ("a", 60_000), ("\u{23a}", 30_000)] {
        let long = letter.repeat(count);
        let address = format!("query={long}@example.org");
        assert_eq!(found(&world, &me, &address).await.0, Vec::<String>::new());
        assert_eq!(found(&world, &me, &format!("query={long}")).await.0, Vec::<String>::new());
    }
}

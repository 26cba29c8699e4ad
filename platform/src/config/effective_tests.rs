use std::collections::BTreeSet;

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use proptest::prelude::*;

use super::*;

fn sources(toml: &str) -> Sources {
    Sources {
        toml: Some(PathBuf::from("/etc/parlance.toml")),
        given: Figment::from(Toml::string(toml)),
        own: Figment::new(),
        names: Vec::new(),
        predecessor: BTreeSet::new(),
        from_file: BTreeSet::new(),
    }
}

fn read(sources: &Sources, var: impl Fn(&str) -> Option<String>) -> (Config, Effective) {
    let config = Config::read(&sources.given, var, &sources.own).unwrap();
    let effective = Effective::of(&config, sources);
    (config, effective)
}

fn find<'a>(effective: &'a Effective, path: &str) -> &'a Setting {
    let found = effective.settings.iter().find(|setting| setting.path.join(".") == path);
    found.unwrap_or_else(|| panic!("no {path}"))
}

/// Every way in which settings are printed.
fn printed(effective: &Effective) -> String {
    format!("{}{}", effective.toml(), serde_json::to_string(effective).unwrap())
}

#[test]
fn each_setting_says_where_it_comes_from() {
    let mut sources = sources(
        "threads = 3\n[server]\ndrain_ms = 1\n[limits]\nauth = { burst = 1 }\nreads = { burst = 1 }\n\
         [kafka.properties]\n\"client.id\" = \"me\"",
    );
    let own = [("server.drain_ms", 2), ("limits.reads.per_minute", 7)];
    for (key, value) in own {
        sources.own = sources.own.merge(Serialized::default(key, value));
    }
    sources.names = vec!["PARLANCE_SERVER__DRAIN_MS".into(), "PARLANCE_LIMITS__READS".into()];
    sources.predecessor = ["PORT".to_owned(), "THROTTLE_LIMIT".to_owned()].into();
    let var = |name: &str| match name {
        "PORT" => Some("8080".to_owned()),
        "THROTTLE_LIMIT" => Some("9".to_owned()),
        _ => None,
    };
    let (_, effective) = read(&sources, var);
    let file = || Origin::File("/etc/parlance.toml".into());
    let environment = |name: &str| Origin::Environment(name.to_owned());
    let before = |name: &str| Origin::Predecessor(name.to_owned());
    for (path, origin) in [
        ("threads", file()),
        ("namespace", Origin::Default),
        ("server.drain_ms", environment("PARLANCE_SERVER__DRAIN_MS")),
        ("server.listen", before("PORT")),
        ("limits.auth.burst", before("THROTTLE_LIMIT")),
        ("limits.auth.per_minute", before("THROTTLE_LIMIT")),
        ("limits.reads.burst", file()),
        ("limits.reads.per_minute", environment("PARLANCE_LIMITS__READS")),
        ("limits.writes.burst", Origin::Default),
        ("kafka.properties.client.id", file()),
        ("logging.json", Origin::Default),
    ] {
        assert_eq!(find(&effective, path).origin, origin, "{path}");
    }
    let drain = &find(&effective, "server.drain_ms").shown;
    assert_eq!(*drain, Shown::Value(2.into()));
}

#[test]
fn a_secret_in_a_file_of_its_own_names_that_file_and_not_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, lines) = (folder.path().join("secret"), folder.path().join("kafka.properties"));
    std::fs::write(&secret, "hunter2-hunter2-hunter2-hunter2-hunter2").unwrap();
    std::fs::write(&lines, "sasl.password=hunter2\nclient.id=me\n").unwrap();
    let mut sources = sources(&format!(
        "[auth]\njwt_secret_file = {secret:?}\n[kafka]\nproperties_file = {lines:?}"
    ));
    sources.from_file = ["sasl.password".to_owned(), "client.id".to_owned()].into();
    let (_, effective) = read(&sources, |_| None);
    let found = find(&effective, "auth.jwt_secret");
    assert_eq!((&found.shown, &found.origin), (&Shown::Set, &Origin::OwnFile(secret)));
    let found = find(&effective, "kafka.properties.sasl.password");
    assert_eq!((&found.shown, &found.origin), (&Shown::Set, &Origin::OwnFile(lines)));
    assert!(!printed(&effective).contains("hunter2"));
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let toml = "namespace = \"a-b\"\n[server]\nlisten = [\"[::1]:1\", \"127.0.0.1:2\"]\n\
                trusted_proxies = [\"10.0.0.1\"]\n[data]\ndir = \"/with \\\"quotes\\\" and ünïcode\\u007f\"\n\
                [limits]\nauth = { burst = 1, per_minute = 2 }\n[kafka.properties]\n\"client.id\" = \"x\"";
    for toml in [toml, ""] {
        let (config, effective) = read(&sources(toml), |_| None);
        let again = sources(&effective.toml());
        let (same, once_more) = read(&again, |_| None);
        assert_eq!(same, config, "{}", effective.toml());
        let values = |of: &Effective| {
            of.settings.iter().map(|s| (s.path.clone(), s.shown.clone())).collect::<Vec<_>>()
        };
        assert_eq!(values(&once_more), values(&effective));
    }
}

#[test]
fn the_predecessors_names_set_what_they_are_said_to_set() {
    for (name, place) in PLACES {
        let value = match name {
            "PORT" | "THROTTLE_LIMIT" => "77",
            "LOG_LEVEL" => "debug",
            _ => "a text that is long enough for a secret",
        };
        let mut config = Config::default();
        let mistakes = config.predecessor(|asked| (asked == name).then(|| value.to_owned()));
        assert_eq!(mistakes, Vec::<String>::new(), "{name}");
        let (before, after) = (Config::default(), config);
        let mut changed = BTreeSet::new();
        let (before, after) =
            (serde_json::to_value(before).unwrap(), serde_json::to_value(after).unwrap());
        leaves(&mut Vec::new(), &after, &mut |path, value| {
            let pointer = format!("/{}", path.join("/"));
            if before.pointer(&pointer) != Some(value) {
                changed.insert(path.iter().take(2).cloned().collect::<Vec<_>>().join("."));
            }
        });
        assert_eq!(changed, BTreeSet::from([place.to_owned()]), "{name}");
    }
}

/// A setting whose name sounds like a secret is one: nobody adds one and forgets it here.
#[test]
fn every_setting_that_sounds_like_a_secret_is_hidden() {
    let all = serde_json::to_value(Config::default()).unwrap();
    let mut found = BTreeSet::new();
    leaves(&mut Vec::new(), &all, &mut |path, value| {
        let name = path.last().cloned().unwrap_or_default();
        let sounds = ["secret", "password", "token", "credential", "key"];
        if value.is_string()
            && sounds.iter().any(|w| name.contains(w))
            && !name.ends_with("_file")
            && name != "keyspace"
        {
            found.insert(path.join("."));
        }
    });
    assert_eq!(found, SECRETS.iter().map(|&s| s.to_owned()).collect());
}

proptest! {
    #[test]
    fn no_secret_is_ever_printed(secret in "[a-zA-Z0-9/:@+=%-]{33,64}", property in "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}", user in "[a-z]{0,6}") {
        prop_assume!(!HARMLESS.contains(&property.as_str()));
        let properties = format!("[kafka.properties]\n\"{property}\" = \"{secret}\"\n");
        let table = toml_of(&secret) + &properties;
        let (config, effective) = read(&sources(&table), |_| None);
        prop_assert_eq!(&config.redis.password, &secret);
        prop_assert!(!printed(&effective).contains(&secret));
        for scheme in ["redis", "rediss"] {
            let url = format!("{scheme}://{user}:{secret}@host:6379/0");
            let shown = shown(&["redis".to_owned(), "url".to_owned()], &Value::String(url));
            let text = format!("{shown:?}");
            prop_assert!(!text.contains(&secret), "{}", text);
            let Shown::Without(rest) = shown else { panic!("{text}") };
            prop_assert!(rest.ends_with("@host:6379/0"));
        }
    }
}

/// Addresses in every place, with a secret in every part that may hold one: it is in nothing that is
/// printed, whole or by half.
#[test]
fn addresses_are_shown_without_their_users_and_queries() {
    for (address, rest) in [
        ("redis://host/0?pass=hunter2", Some("redis://host/0?…")),
        ("redis://host/0?a=b&pass=hunter2#x", Some("redis://host/0?…")),
        ("redis://host/0#hunter2", Some("redis://host/0?…")),
        ("redis://hunter2@host:1/0", Some("redis://…@host:1/0")),
        ("redis://a:b/hunter2@x@host?pass=hunter2", Some("redis://…@host?…")),
        ("redis://:pa?hunter2@host/0", Some("redis://…")),
        ("redis://host/0?pass=hunter2@hunter2", Some("redis://…")),
        ("a:hunter2@host:9092", Some("…@host:9092")),
        ("a:x://hunter2@host:9092", Some("…@host:9092")),
        ("a@hunter2://b@host", Some("…@host")),
        ("host:6379?pass=hunter2", Some("host:6379?…")),
        ("host:9092", None),
        ("redis://host:6379/0", None),
    ] {
        let of = |section: &str, name: &str, value: Value| {
            shown(&[section.to_owned(), name.to_owned()], &value)
        };
        let single = of("redis", "url", Value::from(address));
        let among = |section: &str, name: &str| of(section, name, vec!["b:1", address].into());
        match rest {
            Some(rest) => assert_eq!(single, Shown::Without(rest.to_owned()), "{address}"),
            None => assert_eq!(single, Shown::Value(address.into())),
        }
        for many in [among("kafka", "brokers"), among("cql", "contact_points")] {
            assert_eq!(many == Shown::Set, rest.is_some(), "{address}: {many:?}");
        }
    }
    for (section, name, text) in [
        ("data", "dir", "/srv/parlance@1?"),
        ("logging", "filter", "info,[{user=\"a@b\"}]=trace"),
        ("auth", "jwt_secret_file", "/run/secrets/a@b"),
    ] {
        let shown = shown(&[section.to_owned(), name.to_owned()], &text.into());
        assert_eq!(shown, Shown::Value(text.into()));
    }
}

/// What is told about settings that can not be read, as a start and as `parlance config` tell it.
fn refused(given: &Figment) -> String {
    Config::read(&Figment::new(), |_| None, given).unwrap_err().to_string()
}

#[test]
fn a_mistake_in_the_place_of_a_secret_says_of_what_kind_it_is_and_not_what() {
    let number = 734_521_987_654_321_i64;
    for (toml, place) in [
        (format!("[auth]\njwt_secret = {number}"), "auth.jwt_secret: found a number"),
        (format!("[cql]\npassword = {number}.5"), "cql.password: found a number"),
        (format!("[redis]\nurl = {number}"), "redis.url: found a number"),
        (format!("[redis]\npassword = [{number}]"), "redis.password: found a list"),
        (
            format!("[kafka.properties]\n\"sasl.password\" = {number}"),
            "kafka.properties: found a number",
        ),
        (
            format!("[kafka]\nproperties = \"{{sasl.password={number}}}\""),
            "kafka.properties: found a text",
        ),
        (format!("[kafka]\nbrokers = \"a:{number}@host\""), "kafka.brokers: found a text"),
        (format!("auth = \"{number}\""), "auth: found a text"),
        (format!("[auth]\njwt_secret = \"{number}\nx = 1"), "TOML parse error at line 2"),
        (format!("[auth]\njwt_secret = {number}x{number}"), "TOML parse error at line 2"),
    ] {
        let text = refused(&Figment::from(Toml::string(&toml)));
        assert!(text.contains(place), "{toml}: {text}");
        assert!(!text.contains("734521987654321"), "{toml}: {text}");
    }
    let env = Figment::from(Serialized::default("kafka.properties", "{sasl.password=hunter2}"));
    assert!(!refused(&env).contains("hunter2"));
    // Elsewhere the value helps.
    let text = refused(&Figment::from(Toml::string("[server]\ndrain_ms = \"soon\"")));
    assert!(text.contains("soon"), "{text}");
}

proptest! {
    #[test]
    fn no_part_of_an_address_that_may_be_a_secret_is_printed(
        secret in "[a-zA-Z0-9/:@+=%?#&-]{0,12}Hunter2[a-zA-Z0-9/:@+=%?#&-]{0,12}",
        scheme in "(redis://|rediss://|)",
        user in "[a-z]{0,6}:?",
        name in "[a-z]{1,8}",
        in_query in proptest::bool::ANY,
    ) {
        let address = if in_query {
            format!("{scheme}host:6379/0?{name}={secret}")
        } else {
            format!("{scheme}{user}{secret}@host:6379/0")
        };
        let toml = format!(
            "[redis]\nurl = \"{address}\"\n[kafka]\nbrokers = [\"{address}\"]\n\
             [cql]\ncontact_points = [\"a:1\", \"{address}\"]\n"
        );
        let config: Config = Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::string(&toml)).extract().unwrap();
        let text = printed(&Effective::of(&config, &sources(&toml)));
        prop_assert!(!text.contains("Hunter2"), "{}", text);
    }

    #[test]
    fn no_mistake_about_a_secret_tells_a_number_of_it(
        number in 100_000_000_i64..i64::MAX,
        place in proptest::sample::select(SECRETS.to_vec()),
    ) {
        let (section, name) = place.split_once('.').unwrap();
        let toml = format!("[{section}]\n{name} = {number}\n[kafka.properties]\nx = {number}");
        let text = refused(&Figment::from(Toml::string(&toml)));
        prop_assert!(text.contains(place) && !text.contains(&number.to_string()), "{}", text);
    }
}

/// All secrets, set to the same.
fn toml_of(secret: &str) -> String {
    let line = |name: &str| format!("{name} = \"{secret}\"\n");
    SECRETS.into_iter().map(line).collect()
}

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

/// All secrets, set to the same.
fn toml_of(secret: &str) -> String {
    let line = |name: &str| format!("{name} = \"{secret}\"\n");
    SECRETS.into_iter().map(line).collect()
}

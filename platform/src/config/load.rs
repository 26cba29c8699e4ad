//! Reading: files and environment into one value, every mistake named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};

use super::effective::Effective;
use super::predecessor::PLACES;
use super::{Config, Mistakes};

/// Settings whose values are taken from the environment as they stand.
pub(super) const SECRETS: [&str; 4] =
    ["auth.jwt_secret", "auth.jwt_refresh_secret", "cql.password", "redis.password"];

/// Settings that may hold a secret beside other things.
const MIXED: [&str; 4] = ["kafka.properties", "kafka.brokers", "cql.contact_points", "redis.url"];

/// Whether a value at this place may be a secret, or hold one, or be a part of one.
fn hides(path: &str) -> bool {
    let within = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let all = SECRETS.iter().chain(&MIXED);
    all.into_iter().any(|place| within(path, place) || within(place, path))
}

fn is_secret(key: &str) -> bool {
    SECRETS.iter().any(|secret| key.eq_ignore_ascii_case(&secret.replace('.', "__")))
}

/// Where settings come from.
pub(super) struct Sources {
    /// The file, if there is one.
    pub(super) toml: Option<PathBuf>,
    /// What it says.
    pub(super) given: Figment,
    /// What our own variables say.
    pub(super) own: Figment,
    /// Their names.
    pub(super) names: Vec<String>,
    /// Names of the predecessor that are set.
    pub(super) predecessor: BTreeSet<String>,
    /// Properties of Kafka's client that lie in a file of their own.
    pub(super) from_file: BTreeSet<String>,
}

impl Sources {
    fn of(file: Option<&Path>) -> Result<Self, Mistakes> {
        let from_env = std::env::var_os("PARLANCE_CONFIG").map(PathBuf::from);
        let named = file.map(Path::to_path_buf).or(from_env);
        if let Some(missing) = named.as_ref().filter(|path| !path.is_file()) {
            return Err(Mistakes(vec![format!("{} is not a file", missing.display())]));
        }
        let toml = named.unwrap_or_else(|| PathBuf::from("parlance.toml"));
        let toml = Some(toml).filter(|path| path.is_file());
        let given = match &toml {
            Some(toml) => Figment::new().merge(Toml::file_exact(toml)),
            None => Figment::new(),
        };
        // `PARLANCE_URL` and the like are not settings: a setting has a section.
        let own = Env::prefixed("PARLANCE_")
            .filter(|key| key.as_str().contains("__") && !is_secret(key.as_str()))
            .split("__");
        // As they stand: a secret of digits is no number, and no part of one belongs in a message.
        let mut own = Figment::from(own);
        for key in SECRETS {
            let name = format!("PARLANCE_{}", key.replace('.', "__").to_uppercase());
            if let Ok(secret) = std::env::var(name) {
                own = own.merge(Serialized::default(key, secret));
            }
        }
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let names = names.filter(|name| name.starts_with("PARLANCE_")).collect();
        let is_set = |name: &&str| std::env::var(name).is_ok_and(|text| !text.is_empty());
        let predecessor = PLACES.iter().map(|(name, _)| *name).filter(is_set);
        let predecessor = predecessor.map(str::to_owned).collect();
        Ok(Self { toml, given, own, names, predecessor, from_file: BTreeSet::new() })
    }
}

impl Config {
    /// The settings of this process.
    pub fn load(file: Option<&Path>) -> Result<Self, Mistakes> {
        let sources = Sources::of(file)?;
        Self::read(&sources.given, |name| std::env::var(name).ok(), &sources.own)
    }

    /// The settings of this process, each with where it comes from; secrets are not among them.
    pub fn effective(file: Option<&Path>) -> Result<Effective, Mistakes> {
        let mut sources = Sources::of(file)?;
        let config = Self::read(&sources.given, |name| std::env::var(name).ok(), &sources.own)?;
        let properties = &config.kafka.properties_file;
        if !properties.as_os_str().is_empty() {
            // It was read a moment ago.
            let text = std::fs::read_to_string(properties).unwrap_or_default();
            let found = self::properties(&text).unwrap_or_default();
            sources.from_file = found.into_iter().map(|(name, _)| name).collect();
        }
        Ok(Effective::of(&config, &sources))
    }

    /// The settings of a file, the predecessor's names and our own, later ones over earlier ones.
    pub(super) fn read(
        file: &Figment,
        predecessor: impl Fn(&str) -> Option<String>,
        own: &Figment,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut config = Self::default();
        config.merge(file, &mut mistakes);
        mistakes.extend(config.predecessor(predecessor));
        config.merge(own, &mut mistakes);
        config.read_secrets(&mut mistakes);
        mistakes.extend(config.mistakes());
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    /// Takes over what is given. If something of it can not be read, setting by setting, so that every
    /// mistake is found and not only the first.
    fn merge(&mut self, given: &Figment, mistakes: &mut Vec<String>) {
        let over = |config: &Self| Figment::from(Serialized::defaults(config.clone()));
        match over(self).merge(given.clone()).extract() {
            Ok(config) => *self = config,
            Err(first) => {
                let Ok(sections) = given.extract::<Dict>() else {
                    mistakes.extend(first.into_iter().map(|one| without_lines(&one.to_string())));
                    return;
                };
                for (path, value) in settings(sections) {
                    match over(self).merge(Serialized::default(&path, value)).extract() {
                        Ok(config) => *self = config,
                        Err(error) => mistakes.extend(
                            error
                                .into_iter()
                                .map(|one| format!("{path}: {}", words(&path, &one.kind))),
                        ),
                    }
                }
            }
        }
    }

    /// Takes secrets from the files that are named for them.
    fn read_secrets(&mut self, mistakes: &mut Vec<String>) {
        let secrets = [
            ("auth.jwt_secret", &mut self.auth.jwt_secret, &self.auth.jwt_secret_file),
            (
                "auth.jwt_refresh_secret",
                &mut self.auth.jwt_refresh_secret,
                &self.auth.jwt_refresh_secret_file,
            ),
            ("cql.password", &mut self.cql.password, &self.cql.password_file),
            ("redis.password", &mut self.redis.password, &self.redis.password_file),
        ];
        for (name, secret, file) in secrets {
            if file.as_os_str().is_empty() {
                continue;
            }
            if !secret.is_empty() {
                mistakes.push(format!("{name} and {name}_file are both given"));
                continue;
            }
            match std::fs::read_to_string(file) {
                Ok(text) => text.trim_end_matches(['\r', '\n']).clone_into(secret),
                Err(error) => {
                    mistakes.push(format!("{name}_file: {}: {error}", file.display()));
                }
            }
        }
        let file = &self.kafka.properties_file;
        if file.as_os_str().is_empty() {
            return;
        }
        match std::fs::read_to_string(file) {
            Ok(text) => match properties(&text) {
                Ok(found) => self.kafka.properties.extend(found),
                Err(line) => mistakes.push(format!(
                    "kafka.properties_file: {}: line {line} is not name=value",
                    file.display()
                )),
            },
            Err(error) => {
                mistakes.push(format!("kafka.properties_file: {}: {error}", file.display()));
            }
        }
    }
}

/// What is wrong with a setting. Of one that may hold a secret it says of what kind the value is, and
/// nothing of the value: these words are logged.
fn words(path: &str, wrong: &Kind) -> String {
    match wrong {
        wrong if !hides(path) => wrong.to_string(),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("found {}, expected {expected}", kind(found))
        }
        _ => "can not be read (the value is not shown)".to_owned(),
    }
}

fn kind(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number without quotes",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

/// A message about a file that is no TOML, less the lines of the file that it shows: a secret may stand
/// there.
fn without_lines(message: &str) -> String {
    let shows = |line: &&str| {
        line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|')
    };
    let lines: Vec<&str> = message.lines().filter(|line| !shows(line)).collect();
    lines.join(" ")
}

/// Every setting of a document: two levels deep, as deep as names go.
fn settings(sections: Dict) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (section, value) in sections {
        match value {
            Value::Dict(_, keys) => {
                found.extend(
                    keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)),
                );
            }
            value => found.push((section, value)),
        }
    }
    found
}

/// `name=value` lines, as clients of Kafka keep them; the number of the first line that is none.
fn properties(text: &str) -> Result<Vec<(String, String)>, usize> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let (name, value) = line.split_once('=').ok_or(number)?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

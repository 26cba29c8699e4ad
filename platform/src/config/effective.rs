//! The settings in effect, each with where it comes from, for `parlance config`.
//!
//! No secret is ever in what this gives: a secret is said to be set or not, and a text that holds a
//! password among other things is given without it. What clients of Kafka are told (`kafka.properties`) is
//! shown only where a name is known to be harmless.

use std::fmt;
use std::path::PathBuf;

use figment::value::{Dict, Value as Given};
use serde::Serialize;
use serde_json::Value;

use super::Config;
use super::load::{SECRETS, Sources};
use super::predecessor::PLACES;

/// Properties of Kafka's client that tell nothing worth hiding.
const HARMLESS: [&str; 12] = [
    "acks",
    "broker.address.family",
    "client.id",
    "client.rack",
    "compression.codec",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "security.protocol",
    "socket.keepalive.enable",
    "ssl.ca.location",
    "ssl.certificate.location",
];

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// A variable that the predecessor had.
    Predecessor(String),
    /// A file of its own, which another setting names.
    OwnFile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Predecessor(name) => write!(f, "${name}, a name of the predecessor"),
            Self::OwnFile(path) => write!(f, "its own file {}", path.display()),
        }
    }
}

/// What may be seen of a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Shown {
    /// All of it.
    Value(Value),
    /// A text, less what may be a secret in it.
    Without(String),
    /// A secret, which is set.
    Set,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Section, name, and what lies below.
    pub path: Vec<String>,
    /// What it is.
    pub shown: Shown,
    /// Where it comes from.
    pub origin: Origin,
}

/// Every setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effective {
    /// The settings file, if there is one.
    pub file: Option<PathBuf>,
    /// In the order of the sections' names.
    pub settings: Vec<Setting>,
}

impl Effective {
    /// What is in effect, of settings that were read from these sources.
    pub(super) fn of(config: &Config, sources: &Sources) -> Self {
        let mut settings = Vec::new();
        let all = serde_json::to_value(config).expect("settings are plain data");
        leaves(&mut Vec::new(), &all, &mut |path, value| {
            let shown = shown(path, value);
            settings.push(Setting {
                path: path.to_vec(),
                shown,
                origin: origin(config, sources, path),
            });
        });
        // What has no section comes first, as a file wants it.
        settings.sort_by_key(|setting| setting.path.len() > 1);
        Self { file: sources.toml.clone(), settings }
    }

    /// A settings file that says the same, but for secrets; origins are comments.
    pub fn toml(&self) -> String {
        let mut lines = Vec::new();
        let mut section = "";
        for Setting { path, shown, origin } in &self.settings {
            let (first, rest) = match path.split_first() {
                Some((first, rest)) if !rest.is_empty() => (first.as_str(), rest),
                _ => ("", path.as_slice()),
            };
            if first != section {
                section = first;
                lines.push(format!("\n[{section}]"));
            }
            let key = rest.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".");
            lines.push(match shown {
                Shown::Value(value) => format!("{key} = {}  # {origin}", literal(value)),
                Shown::Without(value) => {
                    let value = literal(&Value::String(value.clone()));
                    format!(
                        "# {key} = {value}  # {origin}; what may be a secret in it is not shown"
                    )
                }
                Shown::Set => format!("# {key} is set  # {origin}; secrets are not shown"),
            });
        }
        lines.join("\n") + "\n"
    }
}

/// Calls `found` for everything that is not itself a table with something in it.
fn leaves(path: &mut Vec<String>, value: &Value, found: &mut impl FnMut(&[String], &Value)) {
    match value {
        Value::Object(table) if !table.is_empty() => {
            for (name, value) in table {
                path.push(name.clone());
                leaves(path, value, found);
                path.pop();
            }
        }
        value => found(path, value),
    }
}

fn shown(path: &[String], value: &Value) -> Shown {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let secret = match parts[..] {
        ["kafka", "properties", name] => !HARMLESS.contains(&name),
        _ => SECRETS.contains(&parts.join(".").as_str()),
    };
    match value {
        Value::String(text) if secret && text.is_empty() => Shown::Value(value.clone()),
        _ if secret => Shown::Set,
        Value::String(text) => match less(path, text) {
            Some(text) => Shown::Without(text),
            None => Shown::Value(value.clone()),
        },
        Value::Array(all) => {
            let hides = |one: &Value| one.as_str().is_some_and(|text| less(path, text).is_some());
            if all.iter().any(hides) { Shown::Set } else { Shown::Value(value.clone()) }
        }
        value => Shown::Value(value.clone()),
    }
}

/// What may be shown of a text, if that is not all of it. Names of files and what is logged are no
/// addresses, unless they look like one.
fn less(path: &[String], text: &str) -> Option<String> {
    let name = path.last().map_or("", String::as_str);
    let plain = name == "dir" || name == "filter" || name.ends_with("_file");
    if plain && !text.contains("://") { None } else { without_secrets(text) }
}

/// An address without its user, query and fragment, with or without a scheme; none: it has none of them.
/// A user without a password may be a token, and a query may hold a password under any name.
fn without_secrets(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once("://") {
        // A password may hold the sign that ends a scheme.
        Some((scheme, rest)) if !scheme.contains(['@', '?', '#', ':']) => (scheme, rest),
        _ => ("", text),
    };
    let sign = if scheme.is_empty() { "" } else { "://" };
    let (at, query) = (rest.rfind('@'), rest.find(['?', '#']));
    let shown = match (at, query) {
        (None, None) => return None,
        // Of a user with such a character, or of a query with an at: which, can not be told.
        (Some(at), Some(query)) if query < at => "…".to_owned(),
        (at, query) => {
            let from = at.map_or(0, |at| at + 1);
            let host = rest.get(from..query.unwrap_or(rest.len())).unwrap_or_default();
            let (user, query) = (at.map_or("", |_| "…@"), query.map_or("", |_| "?…"));
            format!("{user}{host}{query}")
        }
    };
    Some(format!("{scheme}{sign}{shown}"))
}

fn origin(config: &Config, sources: &Sources, path: &[String]) -> Origin {
    let joined = path.join(".");
    let own_file = match joined.as_str() {
        "auth.jwt_secret" => &config.auth.jwt_secret_file,
        "auth.jwt_refresh_secret" => &config.auth.jwt_refresh_secret_file,
        "cql.password" => &config.cql.password_file,
        "redis.password" => &config.redis.password_file,
        _ => &PathBuf::new(),
    };
    if !own_file.as_os_str().is_empty() {
        return Origin::OwnFile(own_file.clone());
    }
    if let ["kafka", "properties", name] = path.iter().map(String::as_str).collect::<Vec<_>>()[..]
        && sources.from_file.contains(name)
    {
        return Origin::OwnFile(config.kafka.properties_file.clone());
    }
    if gives(&sources.own, path) {
        return Origin::Environment(variable(&sources.names, path));
    }
    let is_at = |place: &str| {
        joined.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let set = |(name, place): &&(&str, &str)| is_at(place) && sources.predecessor.contains(*name);
    if let Some((name, _)) = PLACES.iter().find(set) {
        return Origin::Predecessor((*name).to_owned());
    }
    match &sources.toml {
        Some(file) if gives(&sources.given, path) => Origin::File(file.clone()),
        _ => Origin::Default,
    }
}

/// Whether a source says something about a setting.
fn gives(source: &figment::Figment, path: &[String]) -> bool {
    let Ok(sections) = source.extract::<Dict>() else { return false };
    let mut table = &sections;
    let mut parts = path.iter().peekable();
    while let Some(part) = parts.next() {
        match table.get(part) {
            None => return false,
            Some(Given::Dict(_, below)) if parts.peek().is_some() => table = below,
            Some(_) => return true,
        }
    }
    false
}

/// The variable that gives a setting, or the table in which it is.
fn variable(names: &[String], path: &[String]) -> String {
    let name = |parts: &[String]| format!("PARLANCE_{}", parts.join("__").to_uppercase());
    let longest = (1..=path.len()).rev().filter_map(|parts| path.get(..parts));
    let given = longest
        .map(name)
        .find_map(|wanted| names.iter().find(|given| given.eq_ignore_ascii_case(&wanted)).cloned());
    given.unwrap_or_else(|| name(path))
}

fn quoted(part: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !part.is_empty() && part.chars().all(plain) {
        part.to_owned()
    } else {
        literal(&Value::String(part.to_owned()))
    }
}

/// A value as TOML writes it: JSON's texts, numbers and lists are TOML's too, but for one character.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(_) => "{}".to_owned(),
        value => value.to_string().replace('\u{7f}', "\\u007f"),
    }
}

#[cfg(test)]
#[path = "effective_tests.rs"]
mod tests;

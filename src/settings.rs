//! `parlance config`: the settings in effect, each with where it comes from.

use std::io::{self, Write as _};
use std::path::Path;

use platform::config::Config;

/// Prints them, as a settings file or as JSON.
pub(crate) fn print(file: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let effective = Config::effective(file)?;
    if json {
        return say(&serde_json::to_string_pretty(&effective)?);
    }
    let read = match &effective.file {
        Some(path) => format!("file: {}", path.display()),
        None => "no file: ./parlance.toml is not there, and neither --config nor $PARLANCE_CONFIG names \
                 one"
        .to_owned(),
    };
    say(&format!("# {read}\n\n{}", effective.toml().trim()))
}

fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        // A reader that has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => Ok(told?),
    }
}

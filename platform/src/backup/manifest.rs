//! The list of a backup's files. It vouches for itself too: the text holds the SHA-256 of its own body,
//! and is read only if it is to the byte what this version would write around that body.

use std::fs;
use std::io;
use std::path::{Component, Path};

use schemas::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Error, MANIFEST, at, damaged};
use crate::data_dir::FORMAT;

/// The version of backups that this program writes and reads.
pub(super) const VERSION: u32 = 1;

/// Where the pairs of the two databases lie.
pub(super) const FOLDED: &str = "store/folded.pairs";
pub(super) const DIRECT: &str = "store/direct.pairs";

/// What a backup is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the form of backups.
    pub version: u32,
    /// Version of the program that made it, for people.
    pub program: String,
    /// When the moment was taken.
    pub at: Timestamp,
    /// The journal's id.
    pub journal: String,
    /// How far each partition of the synced topics goes.
    pub ends: Vec<PartitionEnd>,
    /// Every file, in the order in which they were written.
    pub files: Vec<FileFacts>,
}

/// Where a partition ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionEnd {
    /// Name of the topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset behind its last record.
    pub end: u64,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Below the folder of the backup.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Of its bytes, in hex.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Sealed<'a> {
    #[serde(borrow)]
    manifest: &'a RawValue,
}

/// What is looked at before anything else.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

fn seal(body: &str) -> String {
    let sum = hex(&Sha256::digest(body.as_bytes()));
    format!("{{\n\"manifest\": {body},\n\"sha256\": \"{sum}\"\n}}\n")
}

impl Manifest {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn text(&self) -> String {
        seal(&serde_json::to_string_pretty(self).expect("it has text and numbers alone"))
    }

    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NoManifest(folder.to_path_buf()));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(damaged(&path, "it is no text"));
            }
            Err(error) => return Err(at(&path)(error)),
        };
        Self::parse(&text).map_err(|what| match what {
            Wrong::Version(found) => Error::Version { found },
            Wrong::Damaged(what) => damaged(&path, what),
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let unreadable = |error: serde_json::Error| Wrong::Damaged(error.to_string());
        let sealed: Sealed<'_> = serde_json::from_str(text).map_err(unreadable)?;
        let body = sealed.manifest.get();
        if seal(body) != text {
            return Err(Wrong::Damaged("its checksum does not match".to_owned()));
        }
        let Version { version } = serde_json::from_str(body).map_err(unreadable)?;
        if version != VERSION {
            return Err(Wrong::Version(version));
        }
        let manifest: Self = serde_json::from_str(body).map_err(unreadable)?;
        match manifest.files.iter().find(|file| !is_ours(&file.path)) {
            Some(file) => Err(Wrong::Damaged(format!("{:?} is no file of a backup", file.path))),
            None => Ok(manifest),
        }
    }
}

/// What is wrong with the text of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Version(u32),
    Damaged(String),
}

/// Whether a path is one that a backup may have: a restore must never write anywhere else.
fn is_ours(path: &str) -> bool {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let known = path == "FORMAT" || path == FOLDED || path == DIRECT;
    let listed = ["keys/", "log/"].iter().any(|part| {
        path.strip_prefix(part).is_some_and(|name| !name.is_empty() && !name.contains('/'))
    });
    plain && (known || listed)
}

/// The FORMAT file of the data folder that a backup makes.
pub(super) fn format() -> &'static [u8] {
    FORMAT.as_bytes()
}

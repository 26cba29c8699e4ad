//! The addresses that this configuration listens on, and who has them.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::Finding::{Broken, Doubtful, Good};
use super::{Check, Finding};

/// Checks an address; `ours`: the process that runs with this data folder, which may have it.
pub(super) fn check(what: &'static str, listen: SocketAddr, ours: Option<&str>) -> Check {
    let finding = match TcpListener::bind(listen) {
        Ok(_) => Good(match ours {
            Some(pid) => format!("{listen} is free: process {pid} listens elsewhere"),
            None => format!("{listen} is free"),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            in_use(listen, ours, holder(listen.port()))
        }
        Err(error) => Broken(
            format!("{listen}: {error}"),
            "name an address of this machine; ports below 1024 need rights".to_owned(),
        ),
    };
    Check { what, finding }
}

fn in_use(listen: SocketAddr, ours: Option<&str>, holder: Option<(String, String)>) -> Finding {
    let advice = "stop it, or listen elsewhere (server.listen, PORT; operations.listen)".to_owned();
    match holder {
        Some((pid, name)) if ours == Some(&pid) => {
            Good(format!("{listen} is that of process {pid} ({name}), which runs"))
        }
        Some((pid, name)) => {
            Broken(format!("{listen} is in use by process {pid} ({name})"), advice)
        }
        None if ours.is_some() => Good(format!("{listen} is in use, by the server as it seems")),
        None => Doubtful(format!("{listen} is in use by a process of another user"), advice),
    }
}

/// Id and name of the process that listens on a port, as far as this user may know.
pub(crate) fn holder(port: u16) -> Option<(String, String)> {
    let proc = Path::new("/proc");
    let tables = ["net/tcp", "net/tcp6"].map(|name| fs::read_to_string(proc.join(name)));
    let sockets: Vec<String> = tables
        .iter()
        .flatten()
        .flat_map(|table| listening(table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    for process in fs::read_dir(proc).ok()?.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().filter(|name| name.parse::<u32>().is_ok()) else { continue };
        // Those of other users are not shown.
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str())) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid.to_owned(), name.trim().to_owned()));
        }
    }
    None
}

/// Inodes of the sockets that listen on a port, of a table as `/proc/net/tcp` has it.
fn listening(table: &str, port: u16) -> Vec<String> {
    let wanted = format!("{port:04X}");
    table.lines().skip(1).filter_map(|line| inode(line, &wanted)).collect()
}

/// Of a socket that listens on this port.
fn inode(line: &str, wanted: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let local = words.get(1)?.rsplit(':').next()?;
    // 0A: it listens.
    let listens = local == wanted && *words.get(3)? == "0A";
    Some((*words.get(9).filter(|_| listens)?).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_who_has_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = taken.local_addr().unwrap();
        let own = std::process::id().to_string();
        let Check { finding, .. } = check("x", at, None);
        assert!(matches!(&finding, Broken(what, _) if what.contains(&own)), "{finding:?}");
        let Check { finding, .. } = check("x", at, Some(&own));
        assert!(matches!(finding, Good(_)), "{finding:?}");
        drop(taken);
        assert!(matches!(check("x", at, None).finding, Good(_)));
    }

    #[test]
    fn only_sockets_that_listen_count() {
        let table = "  sl  local_address rem_address   st ...\n\
             0: 0100007F:0BB8 00000000:0000 0A 0:0 0:0 0 1000 0 4711 1 x\n\
             1: 0100007F:0BB8 0100007F:ABCD 01 0:0 0:0 0 1000 0 4712 1 x\n\
             2: 0100007F:0BB9 00000000:0000 0A 0:0 0:0 0 1000 0 4713 1 x\n";
        assert_eq!(listening(table, 3_000), ["4711"]);
    }
}

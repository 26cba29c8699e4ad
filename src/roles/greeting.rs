//! The one block that a person reads at a start.

use std::time::Duration;

use platform::config::Config;

use super::{Role, node};
use crate::engines::{self, Engines};

#[expect(clippy::print_stderr, reason = "for people, whatever the log filter")]
pub(super) fn greet(config: &Config, role: &Role, engines: &Engines, took: Duration) {
    let urls: Vec<String> =
        node::addresses(config, role).iter().map(|listen| format!("http://{listen}")).collect();
    let urls = urls.join(", ");
    let what = match (role.ingest, role.delivery) {
        (true, true) => format!("API       {urls}/api/v1   sockets at /ws"),
        (true, false) => format!("API       {urls}/api/v1"),
        (false, true) => format!("Sockets   {urls}/ws"),
        (false, false) => format!("Pools     {}", role.pools.join(", ")),
    };
    let data = match &engines.embedded {
        Some(embedded) => {
            let found = if embedded.data.is_fresh() { "new" } else { "found" };
            let dir = embedded.data.path().display();
            format!("{dir} ({found}), everything acknowledged is synced there")
        }
        None => engines::describe(config),
    };
    let role_name = if role.pools.len() == 1 { role.pools[0] } else { role.name };
    eprintln!(
        "\n  Parlance {version} is ready after {took:.1?} as {role_name}\n\
         \n  {what}\
         \n  Data      {data}\
         \n  Metrics   http://{operations}/metrics\
         \n  Stop      Ctrl-C\n\
         \n  Plain HTTP. Before the open internet: a TLS proxy in front, and SECURITY.md.\n",
        version = env!("CARGO_PKG_VERSION"),
        operations = config.operations.listen,
    );
}

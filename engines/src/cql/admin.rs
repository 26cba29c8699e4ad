//! What operators ask of the store: its clock and version, and to forget what can be folded again.

use std::time::Duration;

use platform::config::Cql;
use schemas::Timestamp;
use schemas::table::{Class, TableDef};
use scylla::statement::unprepared::Statement;
use scylla::value::CqlTimestamp;

use super::{CqlStore, Error, error, session, text};

/// A truncation waits for every node.
const TRUNCATE_TIMEOUT: Duration = Duration::from_mins(1);

/// What the cluster tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Version of the node that answered, as it names itself.
    pub version: String,
    /// Its data centre.
    pub datacenter: String,
    /// Its clock.
    pub now: Timestamp,
}

/// Asks a node; needs no keyspace.
pub async fn facts(config: &Cql, namespace: &str) -> Result<Facts, Error> {
    let keyspace = text::keyspace(namespace, &config.keyspace).map_err(Error::Failed)?;
    let connection = session::connect(config, &keyspace).await?;
    let (version, now) = connection
        .session
        .query_unpaged("SELECT release_version, toTimestamp(now()) FROM system.local", ())
        .await
        .map_err(|e| error::execution(&e))?
        .into_rows_result()
        .map_err(error::failed)?
        .first_row::<(String, CqlTimestamp)>()
        .map_err(error::failed)?;
    Ok(Facts { version, datacenter: connection.datacenter, now: Timestamp(now.0) })
}

impl CqlStore {
    /// Forgets every row of these tables. Only what the log can make again may be forgotten: folded
    /// tables, while no worker runs.
    pub async fn truncate(&self, defs: &[&'static TableDef]) -> Result<(), Error> {
        for def in defs {
            if !matches!(def.class, Class::Folded(_)) {
                return Err(Error::Failed(format!("{} can not be folded again", def.name)));
            }
            let text = format!("TRUNCATE {}.{}", self.0.tables.keyspace(), def.name);
            let mut statement = Statement::new(text);
            statement.set_request_timeout(Some(TRUNCATE_TIMEOUT));
            let session = &self.0.tables.connection.session;
            session.query_unpaged(statement, ()).await.map_err(|e| error::execution(&e))?;
        }
        Ok(())
    }
}

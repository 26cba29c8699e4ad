//! The real engines behind the ports of `platform`: Kafka for the log, ScyllaDB or Cassandra for the
//! store, Redis for what may be forgotten. Linked by the binary and the conformance suite alone.

pub mod cql;
pub mod kafka;
pub mod redis;

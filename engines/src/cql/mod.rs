//! The store on ScyllaDB or Cassandra, by CQL.

//! Routes and limits on Redis.

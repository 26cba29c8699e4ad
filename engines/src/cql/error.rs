//! What the driver's errors mean to a caller: whether trying again may help.

use scylla::errors::{
    BadQuery, DbError, ExecutionError, NewSessionError, PrepareError, RequestAttemptError,
};

use super::Error;

/// Will never heal by itself.
pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(error.to_string())
}

fn unavailable(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(error.to_string())
}

/// Whether the server has understood the request and refuses it for what it says.
fn is_refusal(error: &DbError) -> bool {
    matches!(
        error,
        DbError::SyntaxError
            | DbError::Invalid
            | DbError::AlreadyExists { .. }
            | DbError::FunctionFailure { .. }
            | DbError::Unauthorized
            | DbError::ConfigError
            | DbError::ProtocolError
    )
}

fn attempt(error: &RequestAttemptError) -> Error {
    match error {
        RequestAttemptError::DbError(db, _) if is_refusal(db) => failed(error),
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_)
        | RequestAttemptError::RepreparedIdChanged { .. } => failed(error),
        _ => unavailable(error),
    }
}

/// Of a request.
pub(super) fn execution(error: &ExecutionError) -> Error {
    match error {
        ExecutionError::BadQuery(
            BadQuery::SerializationError(_)
            | BadQuery::PartitionKeyExtraction
            | BadQuery::TooManyQueriesInBatchStatement(_),
        ) => failed(error),
        ExecutionError::LastAttemptError(last) => attempt(last),
        ExecutionError::PrepareError(of) => prepare(of),
        _ => unavailable(error),
    }
}

/// Of a statement's preparation.
pub(super) fn prepare(error: &PrepareError) -> Error {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => attempt(first_attempt),
        _ => unavailable(error),
    }
}

/// Of a connection.
pub(super) fn connect(error: &NewSessionError) -> Error {
    match error {
        NewSessionError::EmptyKnownNodesList | NewSessionError::IllegalConfig(_) => failed(error),
        _ => unavailable(error),
    }
}

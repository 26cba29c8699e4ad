//! The log on Kafka: on librdkafka's mock cluster always, on real brokers where
//! `PARLANCE_TEST_KAFKA=host:port` names one.

mod conformance;
mod mock;
mod real;

//! The log on Kafka: on librdkafka's mock cluster always, on real brokers where
//! `PARLANCE_TEST_KAFKA=host:port` names one.

mod brokerless;
mod conformance;
mod faults;
mod figures;
mod identity;
mod letters;
mod mock;
mod real;
mod suspended;

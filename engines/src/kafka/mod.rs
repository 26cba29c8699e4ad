//! The log on Kafka, by librdkafka.

//! The suite that every log passes, on Kafka.

use platform::testing::conformance::log;

macro_rules! suite {
    ($module:ident, $factory:expr, [$($case:ident),+ $(,)?]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(factory) = $factory {
                        super::log::$case(&factory).await;
                    }
                }
            )+
        }
    };
}

macro_rules! logs {
    ($module:ident, $factory:expr) => {
        suite!(
            $module,
            $factory,
            [
                the_order_of_calls_is_the_order_of_records,
                offsets_are_dense_from_zero,
                records_come_back_whole,
                large_records_pass_and_larger_ones_are_refused,
                a_group_goes_on_where_it_committed,
                groups_are_independent,
                no_partition_has_two_owners,
                a_tail_starts_where_it_is_told,
                polls_may_be_dropped,
                a_paused_partition_waits,
                append_times_never_go_back,
                a_reader_learns_what_it_lost,
                a_slow_disk_sheds_clients_and_not_workers,
                a_reader_far_behind_gets_everything,
                a_closed_log_says_so,
            ]
        );
    };
}

logs!(mock, Some(crate::mock::Cluster::start()));
logs!(real, crate::real::Brokers::named());

// The mock cluster knows no times of records.
suite!(real_times, crate::real::Brokers::named(), [a_tail_starts_at_a_time]);

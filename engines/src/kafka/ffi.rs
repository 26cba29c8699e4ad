//! The three calls that the safe crate does not wrap.
//!
//! `DescribeTopics` gives the id of a topic. Only the id tells a topic from another one of the same name
//! that was created after it (HAZARDS 5). `commit_queue` gives the result of a commit that is not
//! waited for: the wrapped call drops it. `brokers_add` is what [`super::pulse`] needs.

#![expect(unsafe_code, reason = "librdkafka's calls without a safe wrapper")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{ClientContext, TopicPartitionList};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

/// A topic as the brokers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// Name, with the deployment's prefix.
    pub(super) name: String,
    /// Id that the controller gave it, in its usual text form.
    pub(super) id: String,
    /// Number of partitions.
    pub(super) partitions: u32,
}

/// Calls its function when dropped.
struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self, String> {
        let pointer = NonNull::new(pointer).ok_or("librdkafka has no memory")?;
        Ok(Self(pointer, free))
    }

    fn ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer is valid from `new` on, owned by this value alone, and freed only here.
        unsafe { (self.1)(self.0.as_ptr()) }
    }
}

/// Text of librdkafka; empty for none.
///
/// # Safety
/// `text` is null or a C string that lives during the call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the contract above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Commits offsets. The result comes as an event of the consumer's queue, so to
/// [`rdkafka::consumer::ConsumerContext::commit_callback`].
pub(super) fn commit<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
) -> Result<(), RDKafkaErrorCode> {
    let client = client.client().native_ptr();
    // SAFETY: the client lives, since the caller borrows it, and so does the list, which librdkafka
    // copies. The queue is counted: this reference is given back, the request has its own.
    let code = unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(client);
        if queue.is_null() {
            return Err(RDKafkaErrorCode::UnknownGroup);
        }
        let none = std::ptr::null_mut();
        let code = sys::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, none);
        sys::rd_kafka_queue_destroy(queue);
        code
    };
    match code {
        Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(code.into()),
    }
}

/// Adds brokers that a client may ask, as at its beginning: `host:port`, with commas between.
pub(super) fn add_brokers<C: ClientContext>(
    client: &Client<C>,
    brokers: &str,
) -> Result<(), &'static str> {
    let list = CString::new(brokers).map_err(|_| "the list of brokers has a NUL in it")?;
    // SAFETY: the client lives, since the caller borrows it; the list is copied.
    let added = unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), list.as_ptr()) };
    if added > 0 { Ok(()) } else { Err("none of its brokers could be added again") }
}

/// Describes topics; those that do not exist are left out. Blocks.
///
/// Any broker can answer; one that is down is passed over.
pub(super) fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[String],
    timeout: Duration,
) -> Result<Vec<Described>, String> {
    let some = names.first().map(String::as_str);
    let metadata = client.fetch_metadata(some, timeout).map_err(|e| e.to_string())?;
    let mut last = "the cluster has no brokers".to_owned();
    for broker in metadata.brokers() {
        match ask(client, broker.id(), names, timeout) {
            Ok(described) => return Ok(described),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ask<C: ClientContext>(
    client: &Client<C>,
    broker: i32,
    names: &[String],
    timeout: Duration,
) -> Result<Vec<Described>, String> {
    let names = names.iter().map(|name| CString::new(name.as_str()));
    let names = names.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let client = client.native_ptr();
    // SAFETY: `client` is a live client: the caller borrows it. Every object made here is freed by its
    // `Owned`, in the reverse order, after its last use; the names outlive the collection, which copies
    // them. The results belong to the event and are copied before it is freed.
    unsafe {
        let queue = Owned::new(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy)?;
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = Owned::new(
            sys::rd_kafka_AdminOptions_new(client, operation),
            sys::rd_kafka_AdminOptions_destroy,
        )?;
        let (none, fine) = (std::ptr::null_mut(), Code::RD_KAFKA_RESP_ERR_NO_ERROR);
        let limit = sys::rd_kafka_AdminOptions_set_request_timeout(options.ptr(), millis, none, 0);
        let route = sys::rd_kafka_AdminOptions_set_broker(options.ptr(), broker, none, 0);
        if limit != fine || route != fine {
            return Err(format!("broker {broker} can not be asked for {millis} ms"));
        }
        let topics = Owned::new(
            sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            sys::rd_kafka_TopicCollection_destroy,
        )?;
        sys::rd_kafka_DescribeTopics(client, topics.ptr(), options.ptr(), queue.ptr());
        let event = sys::rd_kafka_queue_poll(queue.ptr(), millis.saturating_add(1_000));
        let event = Owned::new(event, sys::rd_kafka_event_destroy)
            .map_err(|_| "no answer in time".to_owned())?;
        if sys::rd_kafka_event_error(event.ptr()) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(sys::rd_kafka_event_error_string(event.ptr())));
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.ptr());
        if result.is_null() {
            return Err("an answer to another question".to_owned());
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let mut found = Vec::with_capacity(count);
        for at in 0..count {
            found.extend(described(*topics.add(at))?);
        }
        Ok(found)
    }
}

/// One topic of an answer; none if it does not exist.
///
/// # Safety
/// `topic` is a description that lives during the call.
unsafe fn described(
    topic: *const sys::rd_kafka_TopicDescription_t,
) -> Result<Option<Described>, String> {
    // SAFETY: by the contract above; everything read belongs to the description.
    unsafe {
        let name = text(sys::rd_kafka_TopicDescription_name(topic));
        let error = sys::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            return match sys::rd_kafka_error_code(error) {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => Err(format!("{name}: an error without a code")),
                Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => Ok(None),
                _ => Err(format!("{name}: {}", text(sys::rd_kafka_error_string(error)))),
            };
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return Err(format!("{name} has no id: the brokers are older than Kafka 2.8"));
        }
        let id = text(sys::rd_kafka_Uuid_base64str(id));
        let mut partitions = 0;
        sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let partitions = u32::try_from(partitions).map_err(|e| e.to_string())?;
        Ok(Some(Described { name, id, partitions }))
    }
}

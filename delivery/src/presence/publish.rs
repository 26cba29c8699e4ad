//! Tells the pool what devices are up to: the one place of a node that appends to `chat.presence`, so that
//! its records of a device are in the order in which it changed.
//!
//! Sockets *mark* their device and go on; what it is then is read when it is told, so that of many
//! changes the last one is. What is told and what waits is bounded by sockets: a device that went before
//! anybody was told of it leaves no trace. While the log takes nothing it waits, as long as it takes.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use platform::lifecycle::Stopping;
use platform::port::clock::uuid_v7;
use platform::port::log::{Append, Budget, Error};
use platform::{Log, Platform};
use schemas::envelope::{self, Meta, PresenceCommand};
use schemas::outbound::PresenceWanted;
use schemas::presence::Status;
use schemas::presence::record::{self, Changed, Heartbeat, Left, Snapshot};
use schemas::{CommandId, InstanceId, Timestamp, UserId, limits, partition as partitions, topic};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::devices::Told;
use super::{Device, Presence};

/// What comes within this time is told together, so that one who changes his mind is told of once.
const WINDOW: Duration = Duration::from_millis(50);
/// Longest wait of a text for what its user has said to be with it.
const TOGETHER: Duration = Duration::from_millis(300);
/// What is told at once of a device within [`PERIOD`]; what comes then waits for its end, so that one who
/// changes his mind all the time is told of about once a second.
const BURST: u32 = 5;
/// See [`BURST`].
const PERIOD: Duration = Duration::from_secs(5);
/// Records of one append.
const BATCH: usize = 512;
/// Parts of a snapshot in one append.
const PARTS: usize = 8;
/// Pause after an append that failed.
const RETRY: Duration = Duration::from_secs(1);
/// Longest wait for the goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What is to be told.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: Mutex<Waiting>,
    wake: Notify,
    told: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By number of the socket.
    devices: HashMap<u64, Arc<Device>>,
    /// By partition: the newest question.
    wanted: HashMap<u32, Uuid>,
}

impl Line {
    /// A device is another thing.
    pub(super) fn mark(&self, device: &Arc<Device>) {
        self.waiting.lock().devices.insert(device.socket, device.clone());
        self.wake.notify_one();
    }

    /// Waits until it was told what a device is, though not for long.
    pub(super) async fn told(&self, device: &Device) {
        let told = async {
            let mut told = pin!(self.told.notified());
            loop {
                told.as_mut().enable();
                if device.is_told() {
                    return;
                }
                told.as_mut().await;
                told.set(self.told.notified());
            }
        };
        drop(timeout(TOGETHER, told).await);
    }

    /// A question came.
    pub(super) fn want(&self, PresenceWanted { partition, ticket }: PresenceWanted) {
        self.waiting.lock().wanted.insert(partition, ticket);
        self.wake.notify_one();
    }

    fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting.lock())
    }

    /// Puts back what was not told; newer questions stand.
    fn put_back(&self, waiting: Waiting) {
        let mut now = self.waiting.lock();
        now.devices.extend(waiting.devices);
        for (partition, ticket) in waiting.wanted {
            now.wanted.entry(partition).or_insert(ticket);
        }
    }
}

/// The partition of a user, of so many.
pub(super) fn partition(user: UserId, count: u32) -> u32 {
    let mut text = Uuid::encode_buffer();
    partitions::of(user.0.as_hyphenated().encode_lower(&mut text).as_bytes(), count)
}

/// See the module.
pub(super) struct Publisher {
    presence: Arc<Presence>,
    log: Arc<dyn Log>,
    node: InstanceId,
    /// Partitions that there are.
    count: u32,
    /// Devices that were told of and are not gone, by partition.
    told: HashMap<u32, u32>,
    /// Devices that were told of within [`PERIOD`], by number of the socket: since when, how often.
    often: HashMap<u64, (Instant, u32)>,
    /// When those that are over are forgotten.
    tidy: Instant,
    /// When something that waits for its period may be told.
    again: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(presence: Arc<Presence>, platform: &Platform, node: InstanceId) -> Self {
        let (log, count) = (platform.log.clone(), platform.log.partitions(&topic::PRESENCE));
        let (told, often) = (HashMap::new(), HashMap::new());
        Self { presence, log, node, count, told, often, tidy: Instant::now(), again: None }
    }

    /// Runs until the shutdown, and says goodbye.
    pub(super) async fn run(mut self, mut stopping: Stopping) -> Result<(), String> {
        tokio::select! {
            ended = self.publish() => ended?,
            () = stopping.wait() => {}
        }
        // Sockets that close from now on are not told of one by one: they come back elsewhere.
        drop(timeout(GOODBYE, self.leave()).await);
        stopping.wait().await;
        Ok(())
    }

    async fn publish(&mut self) -> Result<(), String> {
        let mut beat = interval(Duration::from_millis(limits::PRESENCE_HEARTBEAT_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let presence = self.presence.clone();
            let again = self.again;
            let due = async {
                match again {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let told = tokio::select! {
                () = due => self.tell().await,
                _ = beat.tick() => self.beat().await,
                () = presence.line.wake.notified() => {
                    sleep(WINDOW).await;
                    self.tell().await
                }
            };
            match told {
                Ok(()) => {}
                Err(Error::Closed) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "presence was not told");
                    sleep(RETRY).await;
                    presence.line.wake.notify_one();
                }
            }
        }
    }

    fn append(&self, partition: u32, key: Option<UserId>, command: &PresenceCommand) -> Append {
        let at = self.presence.clock.now();
        let id = CommandId(uuid_v7(&*self.presence.clock));
        let actor = key.unwrap_or(UserId(self.node.0));
        let meta = Meta { id, actor, at, reply_to: None, trace: None, once: None };
        let value = envelope::encode(&meta, command).unwrap_or_else(|error| {
            // At most a few hundred short names; a record that can not be read says nothing.
            tracing::error!(%error, "a record of presence is too large");
            Bytes::new()
        });
        let key = key.map_or_else(Bytes::new, |user| Bytes::from(user.to_string()));
        Append { topic: &topic::PRESENCE, partition, key, headers: Vec::new(), value }
    }

    async fn send(&self, records: Vec<Append>) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        self.log.append(Budget::Worker, records).await.map(drop)
    }

    /// The wall clock's time of a moment.
    fn time(&self, at: Instant) -> Timestamp {
        let ago = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.presence.clock.now().plus_ms(-ago)
    }

    fn record(&self, device: &Device, told: Told, active: Instant) -> record::Device {
        record::Device {
            user_id: device.user,
            socket: Uuid::from_u64_pair(0, device.socket),
            device_id: device.name(),
            kind: device.kind(),
            status: match told {
                Told::Gone => Status::Offline,
                Told::Here(status) => status,
            },
            last_active: self.time(active),
        }
    }

    /// Tells what is marked, and answers.
    async fn tell(&mut self) -> Result<(), Error> {
        let Waiting { devices, wanted } = self.presence.line.take();
        let mut changed: Vec<_> = devices.into_values().collect();
        changed.retain(|device| device.has_news());
        self.hold_back(&mut changed);
        while !changed.is_empty() {
            let batch = changed.split_off(changed.len().saturating_sub(BATCH));
            if let Err(error) = self.tell_of(&batch).await {
                let devices = batch.into_iter().chain(changed);
                let devices = devices.map(|device| (device.socket, device)).collect();
                self.presence.line.put_back(Waiting { devices, wanted });
                return Err(error);
            }
        }
        if let Err(error) = self.answer(&wanted).await {
            self.presence.line.put_back(Waiting { devices: HashMap::new(), wanted });
            return Err(error);
        }
        self.converge(&wanted.into_keys().collect());
        Ok(())
    }

    /// Leaves those in the line that were told of too often just now. That one is gone is told once, and that
    /// its user is there more than was told at once.
    fn hold_back(&mut self, changed: &mut Vec<Arc<Device>>) {
        let now = Instant::now();
        if now >= self.tidy {
            self.often.retain(|_, (since, _)| now < *since + PERIOD);
            self.tidy = now + PERIOD;
        }
        self.again = None;
        let mut held = HashMap::new();
        changed.retain(|device| {
            let often = self.often.get(&device.socket);
            let waits = often.filter(|(since, times)| *times >= BURST && now < *since + PERIOD);
            let (now, told) = (device.now(), device.told());
            let at_once = now == Told::Gone || now.presence() > told.presence();
            let Some((since, _)) = waits.filter(|_| !at_once) else {
                return true;
            };
            let end = *since + PERIOD;
            self.again = Some(self.again.map_or(end, |again| again.min(end)));
            held.insert(device.socket, device.clone());
            false
        });
        self.presence.line.put_back(Waiting { devices: held, wanted: HashMap::new() });
    }

    /// A device was told of.
    fn note(&mut self, device: &Device) {
        let now = Instant::now();
        let (since, times) = self.often.entry(device.socket).or_insert((now, 0));
        if now >= *since + PERIOD {
            (*since, *times) = (now, 0);
        }
        *times = times.saturating_add(1);
    }

    /// What the pool's old owner may have noted and not told is read, and pushed.
    fn converge(&self, wanted: &HashSet<u32>) {
        let Some(hub) = self.presence.hub.upgrade().filter(|_| !wanted.is_empty()) else { return };
        let users = self.presence.kept_in(wanted, self.count);
        hub.aside(self.presence.clone().converge(users));
    }

    async fn tell_of(&mut self, devices: &[Arc<Device>]) -> Result<(), Error> {
        let (mut records, mut now) = (Vec::new(), Vec::new());
        for device in devices {
            let (told, active) = (device.now(), device.active_at());
            let changed = Changed {
                node_id: self.node,
                device: self.record(device, told, active),
                clean: device.is_clean(),
                heard: device.heard_at().map(|at| self.time(at)),
                text_follows: device.text_follows(),
            };
            let partition = partition(device.user, self.count);
            let command = PresenceCommand::Device(changed);
            records.push(self.append(partition, Some(device.user), &command));
            now.push((device, partition, (told, active)));
        }
        self.send(records).await?;
        for (device, partition, (told, active)) in now {
            let here = |told| told != Told::Gone;
            let (before, after) = (here(device.told()), here(told));
            let count = self.told.entry(partition).or_default();
            *count = count.saturating_add(u32::from(after)).saturating_sub(u32::from(before));
            device.tell(told, active);
            self.note(device);
        }
        self.presence.line.told.notify_waiters();
        self.told.retain(|_, count| *count > 0);
        Ok(())
    }

    /// Says that the node lives, where it has devices.
    async fn beat(&mut self) -> Result<(), Error> {
        let beat = |(partition, devices): (&u32, &u32)| {
            let heartbeat = Heartbeat { node_id: self.node, devices: *devices };
            self.append(*partition, None, &PresenceCommand::Heartbeat(heartbeat))
        };
        self.send(self.told.iter().map(beat).collect()).await
    }

    /// Tells of every device in partitions, as it was told of last.
    async fn answer(&self, wanted: &HashMap<u32, Uuid>) -> Result<(), Error> {
        let Some(hub) = self.presence.hub.upgrade().filter(|_| !wanted.is_empty()) else {
            return Ok(());
        };
        let mut found: HashMap<u32, Vec<Arc<Device>>> =
            wanted.keys().map(|partition| (*partition, Vec::new())).collect();
        hub.registry.each(|session| {
            let device = &session.device;
            if let Some(found) = found.get_mut(&partition(device.user, self.count))
                && device.told() != Told::Gone
            {
                found.push(device.clone());
            }
        });
        for (partition, devices) in found {
            let Some(ticket) = wanted.get(&partition) else { continue };
            for parts in self.snapshot(partition, *ticket, &devices).chunks(PARTS) {
                self.send(parts.to_vec()).await?;
            }
        }
        Ok(())
    }

    fn snapshot(&self, partition: u32, ticket: Uuid, devices: &[Arc<Device>]) -> Vec<Append> {
        let mut parts: Vec<_> = devices.chunks(limits::PRESENCE_CHUNK).collect();
        if parts.is_empty() {
            // That there is none is an answer too.
            parts.push(&[]);
        }
        let last = parts.len();
        let part = |(number, devices): (usize, &[Arc<Device>])| {
            let record =
                |device: &Arc<Device>| self.record(device, device.told(), device.active_at());
            let devices = devices.iter().map(record);
            let devices = devices.collect();
            let snapshot =
                Snapshot { node_id: self.node, ticket, devices, last: number + 1 == last };
            self.append(partition, None, &PresenceCommand::Snapshot(snapshot))
        };
        parts.into_iter().enumerate().map(part).collect()
    }

    /// Says goodbye where the node has devices.
    async fn leave(&self) {
        let left = |partition: &u32| {
            let left = Left { node_id: self.node };
            self.append(*partition, None, &PresenceCommand::Left(left))
        };
        match self.send(self.told.keys().map(left).collect()).await {
            // A log that ends with the process: so does everybody who would have heard it.
            Ok(()) | Err(Error::Closed) => {}
            Err(error) => tracing::warn!(%error, "presence said no goodbye"),
        }
    }
}

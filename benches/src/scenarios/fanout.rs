//! One message to many: groups whose members all have a socket, and a few of them send. An open loop;
//! each message is timed at its first member, at nearly all, and at the last.

use std::sync::Arc;

use anyhow::ensure;

use super::course::{Course, Measurement, needs, open_loop, undelivered, witnessed};
use super::direct::watched;
use super::figures::{Figures, Unit};
use crate::load::open_loop::Load;
use crate::load::{Run, Spread, conversations, groups, users};

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Groups.
    pub groups: usize,
    /// Members of each, the senders too.
    pub members: usize,
    /// Members of each that send, in turn.
    pub senders: usize,
    /// Messages a second over all groups.
    pub rate: f64,
}

/// The scenario.
pub async fn measure(course: &Course<'_>, size: Size) -> anyhow::Result<Measurement> {
    let Size { groups: count, members, senders, rate } = size;
    let most = usize::try_from(schemas::limits::GROUP_MEMBERS)?;
    ensure!((3..=most).contains(&members), "a group has 3 to {most} members here");
    ensure!(senders > 0 && senders < members, "of {members} members 1 to {} send", members - 1);
    let stage = course.stage;
    let everybody = users(&stage.remote, count * members, &course.gauges).await?;
    let rooms = groups(count, members);
    let world = conversations(&stage.remote, everybody, rooms, &course.gauges).await?;
    let run = Run::new(world, &course.tag, course.gauges.clone());
    run.gauges.phase(&format!("opening {} sockets", run.world.users.len()));

    let plan = course.plan(rate);
    let each = members - 1;
    let events = rate * (plan.warm + plan.length).as_secs_f64() * members as f64;
    let watched = watched(events);
    let mut load = Load::of(&run);
    let mut receivers = Vec::new();
    let at = |number: usize| stage.remote.socket_authority(number).to_owned();
    for (number, room) in (0_u32..).zip(&run.world.rooms) {
        let (first, rest) = room.members.split_at(senders.min(room.members.len()));
        for user in first {
            load.sender(&at(*user as usize), *user, &[number], watched(*user)).await?;
        }
        receivers.extend(rest.iter().map(|user| (*user, watched(*user))));
    }
    load.receivers(at, &receivers).await?;
    let spread = Arc::new(Spread::over(each));
    let reading = async || stage.reading().await;
    let driven = load.drive(&plan, Some(spread.clone()), reading).await?;

    let mut figures = Figures::default();
    let got = run.gauges.received.count();
    let rate_got = got as f64 / driven.lasted.as_secs_f64().max(1e-3);
    figures.add("deliveries", "messages that members' sockets got", rate_got, Unit::PerSecond);
    figures.latency("first", "due → the first member has it", &spread.first);
    figures.latency("most", "due → 99 of 100 members have it", &spread.most);
    figures.latency("last", "due → the last member has it", &spread.last);
    figures.latency("recv", "due → a member has it", &run.gauges.received);
    open_loop(&run, &driven, &mut figures);
    undelivered(&run, &mut figures);
    let words = "measured messages that some members have and others not";
    figures.count("incomplete", words, spread.incomplete() as u64);
    let (from, to) = (&driven.before, &driven.after);
    figures.costs(from, to, driven.lasted.as_secs_f64(), ("delivery", got));
    let title = format!(
        "{count} groups of {members} with sockets, {senders} of each send, open loop, {rate} messages/s in all, {}",
        course.gaps()
    );
    let (needs, witnessed, tasks) = (needs(&run), witnessed(&run), driven.readers);
    Ok(Measurement { run, title, figures, needs, witnessed, tasks })
}

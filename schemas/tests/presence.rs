//! Records of presence as the first version wrote them.
#![expect(clippy::unwrap_used, reason = "a test binary")]

mod support;

use bytes::Bytes;
use schemas::envelope::{self, Commands as _, Content, Meta, PresenceCommand};
use schemas::outbound::Outbound;
use schemas::presence::entry::{self, Entry};
use schemas::presence::record::{
    Changed, Decided, Device, Due, Heartbeat, Left, Related, Snapshot,
};
use schemas::presence::view::{Permission, Viewer, show};
use schemas::presence::{DeviceKind, Status};
use schemas::user::head::Audience;
use schemas::{CommandId, InstanceId, Timestamp, UserId, frame};
use uuid::Uuid;

use crate::support::golden;

const ALICE: UserId = UserId(Uuid::from_u128(0xa1));
const BOB: UserId = UserId(Uuid::from_u128(0xa2));
const NODE: InstanceId = InstanceId(Uuid::from_u128(0xf1));
const AT: Timestamp = Timestamp(1_800_000_000_000);

fn device() -> Device {
    Device {
        user_id: ALICE,
        socket: Uuid::from_u128(0x51),
        device_id: "phone".to_owned(),
        kind: DeviceKind::Mobile,
        status: Status::DoNotDisturb,
        last_active: AT,
    }
}

fn check(name: &str, command: PresenceCommand) {
    let meta = Meta {
        id: CommandId(Uuid::from_u128(0xd1)),
        actor: ALICE,
        at: AT,
        reply_to: None,
        trace: None,
        once: None,
    };
    let name = format!("command.{name}.1.json");
    let kept = golden(&name, &envelope::encode(&meta, &command).unwrap());
    let (read, content) = envelope::decode::<PresenceCommand>(&kept).unwrap();
    assert_eq!((read, content), (meta, Content::Known(command)));
}

#[test]
fn records_of_version_1_decode() {
    let ticket = Uuid::from_u128(0x71);
    let gone = Device { status: Status::Offline, ..device() };
    let all = [
        (
            "presence.device",
            PresenceCommand::Device(Changed {
                node_id: NODE,
                device: device(),
                clean: false,
                heard: None,
                text_follows: false,
            }),
        ),
        (
            "presence.device.gone",
            PresenceCommand::Device(Changed {
                node_id: NODE,
                device: gone,
                clean: true,
                heard: Some(AT),
                text_follows: false,
            }),
        ),
        ("presence.heartbeat", PresenceCommand::Heartbeat(Heartbeat { node_id: NODE, devices: 3 })),
        (
            "presence.snapshot",
            PresenceCommand::Snapshot(Snapshot {
                node_id: NODE,
                ticket,
                devices: vec![device()],
                last: true,
            }),
        ),
        ("presence.left", PresenceCommand::Left(Left { node_id: NODE })),
        ("presence.changed", PresenceCommand::Decided(Decided { user_id: ALICE, shown: false })),
        ("presence.relation", PresenceCommand::Related(Related { user_id: ALICE, other: BOB })),
        ("presence.due", PresenceCommand::Due(Due { ticket: None })),
        ("presence.due.first", PresenceCommand::Due(Due { ticket: Some(ticket) })),
    ];
    for kind in PresenceCommand::KINDS {
        assert!(all.iter().any(|(_, command)| command.kind() == *kind), "{kind}");
    }
    for (name, command) in all {
        check(name, command);
    }
}

fn published() -> Entry {
    Entry {
        user_id: ALICE,
        version: 7,
        status: Status::Away,
        custom_status: Some("lunch".to_owned()),
        custom_status_expires_at: Some(AT.plus_ms(1_000)),
        last_seen_at: Some(AT),
        since: AT,
        devices: vec![entry::Device {
            device_id: "phone".to_owned(),
            kind: DeviceKind::Mobile,
            last_active: AT,
        }],
        online: true,
        last_seen: Audience::Contacts,
        hides: false,
        again: false,
        otherwise: None,
        at: AT,
    }
}

#[test]
fn entries_of_version_1_decode() {
    let kept = golden("presence.entry.1.json", &serde_json::to_vec(&published()).unwrap());
    assert_eq!(serde_json::from_slice::<Entry>(&kept).unwrap(), published());
    let outbound = Outbound::Presence { entries: vec![published()] };
    let (headers, value) = outbound.write(None);
    let kept = golden("outbound.presence.1.json", &value);
    assert_eq!(Outbound::read(&headers, Bytes::from(kept)), Some(outbound));
}

#[test]
fn what_clients_see_is_what_they_saw() {
    let entry = published();
    let own = show(Some(&entry), ALICE, Viewer::Himself, AT);
    golden("presence.view.1.json", &serde_json::to_vec(&own).unwrap());
    let contact = Viewer::Other(Permission { blocked: false, contact: true });
    let shown = show(Some(&entry), ALICE, contact, AT).shown;
    golden("presence.frame.1.json", &frame::presence(AT, &shown));
}

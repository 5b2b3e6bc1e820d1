//! The storage: one player on two devices, and another one who looks.

use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Game, fresh};

/// A save game.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Save {
    level: u32,
}

fn refused<T: std::fmt::Debug>(result: Result<T, RequestError<StorageRefusal>>) -> StorageRefusal {
    match result {
        Err(RequestError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn write(
    game: &mut Game,
    write: WriteStorage,
) -> Result<Vec<StorageAck>, RequestError<StorageRefusal>> {
    game.ask::<WriteStorage>(|nakama| nakama.write_storage(write).id())
}

fn read(game: &mut Game, read: ReadStorage<Save>) -> Vec<StorageObject<Save>> {
    game.ask::<ReadStorage<Save>>(|nakama| nakama.read_storage(read).id())
        .expect("read")
}

fn list(game: &mut Game, list: ListStorage<Save>) -> StoragePage<Save> {
    game.ask::<ListStorage<Save>>(|nakama| nakama.list_storage(list).id())
        .expect("listed")
}

fn keys(page: &StoragePage<Save>) -> Vec<&str> {
    page.objects
        .iter()
        .map(|object| object.key.as_str())
        .collect()
}

/// Two devices save; what is public is seen, what is not is not; several are written together or not at all.
pub(crate) fn save_games(server: &NakamaServer) {
    let login = Login::device(fresh("device-of-ada"));
    let mut phone = Game::online(server, login.clone());
    let mut desk = Game::online(server, login);
    let mut bob = Game::online(server, Login::device(fresh("device-of-bob")));
    let (saves, slot) = (fresh("saves"), "slot 1/é");
    let save = |level| WriteStorage::new(&saves, slot, &Save { level });

    assert_eq!(read(&mut phone, ReadStorage::new(&saves, slot)), []);
    let first = write(&mut phone, save(1).only_if_new()).expect("written");
    let ada = first[0].user_id.clone();
    let taken = refused(write(&mut desk, save(2).only_if_new()));
    assert!(
        matches!(taken, StorageRefusal::VersionMismatch(_)),
        "{taken:?}"
    );
    let there = read(&mut desk, ReadStorage::new(&saves, slot));
    assert_eq!(there[0].value, Ok(Save { level: 1 }));
    assert_eq!(there[0].version, first[0].version);
    write(&mut desk, save(2).version(&there[0].version)).expect("written");
    let old = refused(write(&mut phone, save(3).version(&first[0].version)));
    assert!(matches!(old, StorageRefusal::VersionMismatch(_)), "{old:?}");

    assert_eq!(read(&mut bob, ReadStorage::new(&saves, slot).of(&ada)), []);
    let public = ReadPermission::Public;
    let several = save(4)
        .and(&saves, "best", &Save { level: 4 })
        .read_permission(public)
        .and(&saves, "hidden", &Save { level: 5 })
        .read_permission(ReadPermission::NoOne)
        .and(&saves, "final", &Save { level: 6 })
        .read_permission(public)
        .write_permission(WritePermission::NoOne);
    let acks = write(&mut phone, several).expect("written");
    assert_eq!(acks.len(), 4);
    let denied = refused(write(
        &mut phone,
        WriteStorage::new(&saves, "final", &Save { level: 7 }).and(
            &saves,
            "best",
            &Save { level: 7 },
        ),
    ));
    assert!(
        matches!(denied, StorageRefusal::PermissionDenied(_)),
        "{denied:?}"
    );
    let list_is = refused(write(
        &mut phone,
        WriteStorage::new(&saves, "list", &[1, 2]),
    ));
    assert!(
        matches!(list_is, StorageRefusal::NotAnObject(_)),
        "{list_is:?}"
    );

    let own = list(&mut phone, ListStorage::new(&saves, 10));
    assert_eq!(keys(&own), [slot, "best", "final"]);
    assert_eq!(own.objects[1].value, Ok(Save { level: 4 }), "not written");
    let public = list(&mut bob, ListStorage::new(&saves, 1).of(&ada));
    assert_eq!(keys(&public), ["best"]);
    let cursor = public.next_cursor.expect("more");
    let public = list(
        &mut bob,
        ListStorage::new(&saves, 1).of_everybody().cursor(cursor),
    );
    assert_eq!((keys(&public), &public.next_cursor), (vec!["final"], &None));
    assert_eq!(public.objects[0].write_permission, WritePermission::NoOne);

    let mut delete = |request: DeleteStorage| {
        phone.ask::<DeleteStorage>(|nakama| nakama.delete_storage(request).id())
    };
    let both = DeleteStorage::new(&saves, "best").and(&saves, "final");
    let kept = refused(delete(both));
    assert!(matches!(kept, StorageRefusal::NotDeleted(_)), "{kept:?}");
    let best = DeleteStorage::new(&saves, "best").version(&acks[1].version);
    delete(best.clone()).expect("deleted");
    let gone = refused(delete(best));
    assert!(matches!(gone, StorageRefusal::NotDeleted(_)), "{gone:?}");
    let own = list(&mut desk, ListStorage::new(&saves, 10));
    assert_eq!(keys(&own), [slot, "final"]);
}

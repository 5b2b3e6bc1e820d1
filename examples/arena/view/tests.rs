//! Whether everything finds its place, in small windows and in large ones. It is laid out as in a window, and drawn nowhere.

mod lost;

use std::time::{Duration, Instant};

use bevy::{
    log::LogPlugin,
    prelude::*,
    render::{
        RenderPlugin,
        settings::{RenderCreation, WgpuSettings},
    },
    text::TextLayoutInfo,
    ui::CalculatedClip,
    ui_widgets::{Activate, Button},
    window::{PrimaryWindow, WindowResized},
    winit::WinitPlugin,
};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};

use super::{
    chat_box::ChatBox,
    hud::{Banner, StatusLine},
    layout::{Places, Stage, Zoom},
    party_panel::{Code, Panel},
    view,
    widgets::Explains,
};
use crate::{
    bots::headless_game,
    chat::Say,
    game,
    movement::{HALF, Position},
    notice::Notice,
    online::{Player, Trouble, TryAgain},
    party::{Invitation, PARTY_SIZE},
};
use bevy_nakama::connection::Network;

const SIZES: [(f32, f32); 6] = [
    (480.0, 360.0),
    (480.0, 900.0),
    (800.0, 500.0),
    (960.0, 600.0),
    (1280.0, 720.0),
    (1920.0, 1080.0),
];

const LONG: &str = "A long line, as people write them who have something to explain: whoever wants to come along, meet me \
    in the middle, and bring somebody who has not yet seen asupercalifragilisticexpialidociousshockwave";

/// A window of the arena that nobody sees, and others who play there.
struct Arena {
    window: App,
    others: Vec<App>,
    server: Option<LocalServer>,
}

impl Arena {
    fn with(others: &[&str]) -> Self {
        let server = LocalServer::start(LocalServerConfig::default()).unwrap();
        let address = NakamaServer::new(server.url(), server.server_key());
        let network = Network::new().unwrap();
        let player = |name: &str| {
            let device = format!("{name}-of-the-arena");
            Player::new(&address, &device, name, "arena")
        };
        let nothing = RenderPlugin {
            render_creation: RenderCreation::Automatic(Box::new(WgpuSettings {
                backends: None,
                ..default()
            })),
            ..default()
        };
        let mut window = App::new();
        window
            .add_plugins((
                DefaultPlugins
                    .set(nothing)
                    .disable::<WinitPlugin>()
                    .disable::<LogPlugin>(),
                NakamaPlugin::default().with_network(network.clone()),
                game,
                view,
            ))
            .insert_resource(player("Ada"));
        window.finish();
        window.cleanup();
        let mut arena = Self {
            window,
            others: vec![],
            server: Some(server),
        };
        arena.until("in the room", |world| {
            count::<With<ChatChannel>>(world) == 1
        });
        for name in others {
            let mut other = headless_game(player(name), &network);
            other.finish();
            other.cleanup();
            arena.others.push(other);
        }
        let all = others.len() + 1;
        arena.until("everybody is here", |world| {
            count::<With<PresentIn>>(world) == all
        });
        arena
    }

    fn update(&mut self) {
        self.window.update();
        for other in &mut self.others {
            other.update();
        }
    }

    /// Goes on until it is so in the window's world.
    fn until(&mut self, what: &str, is_so: impl Fn(&mut World) -> bool) {
        let begin = Instant::now();
        while !is_so(self.window.world_mut()) {
            assert!(begin.elapsed() < Duration::from_secs(120), "not {what}");
            self.update();
        }
    }

    fn window_of(&mut self, (width, height): (f32, f32)) {
        let world = self.window.world_mut();
        let mut windows = world.query_filtered::<(Entity, &mut Window), With<PrimaryWindow>>();
        let (window, mut what) = windows.single_mut(world).unwrap();
        what.resolution.set(width, height);
        world.write_message(WindowResized {
            window,
            width,
            height,
        });
        // The stage has its size, the camera follows, and the texts have theirs.
        for _ in 0..4 {
            self.window.update();
        }
    }

    /// Where the nodes are that match, as far as they are seen.
    fn places<F: bevy::ecs::query::QueryFilter>(&mut self) -> Vec<Rect> {
        let world = self.window.world_mut();
        let mut nodes = world.query_filtered::<(
            &ComputedNode,
            &UiGlobalTransform,
            &InheritedVisibility,
            Option<&CalculatedClip>,
        ), F>();
        nodes
            .iter(world)
            .filter(|(.., is_visible, _)| is_visible.get())
            .map(|(node, place, _, clip)| {
                let rect = Rect::from_center_size(place.translation, node.size());
                clip.map_or(rect, |clip| rect.intersect(clip.clip))
            })
            .filter(|rect| !rect.is_empty())
            .collect()
    }

    fn place<F: bevy::ecs::query::QueryFilter>(&mut self) -> Rect {
        let all = self.places::<F>();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0]
    }

    /// What is in a box of this kind reaches over its edge.
    fn sticks_out<C: Component>(&mut self) -> Vec<Rect> {
        let frame = self.place::<With<C>>();
        let world = self.window.world_mut();
        let top = world.query_filtered::<Entity, With<C>>().single(world);
        let mut nodes = world.query::<(
            &ComputedNode,
            &UiGlobalTransform,
            &InheritedVisibility,
            Option<&CalculatedClip>,
        )>();
        let mut children = world.query::<&Children>();
        let descendants: Vec<_> = children
            .query(world)
            .iter_descendants(top.unwrap())
            .collect();
        descendants
            .into_iter()
            .filter_map(|entity| {
                let (node, place, is_visible, clip) = nodes.get(world, entity).ok()?;
                let rect = Rect::from_center_size(place.translation, node.size());
                let seen = clip.map_or(rect, |clip| rect.intersect(clip.clip));
                let is_seen = is_visible.get() && !seen.is_empty();
                (is_seen && !holds(frame, seen)).then_some(seen)
            })
            .collect()
    }

    /// The texts that are seen.
    fn texts(&mut self) -> Vec<String> {
        let world = self.window.world_mut();
        let mut texts = world.query::<(&Text, &ComputedNode, &InheritedVisibility)>();
        texts
            .iter(world)
            .filter(|(_, node, is_visible)| is_visible.get() && !node.is_empty())
            .map(|(text, ..)| text.0.clone())
            .collect()
    }

    fn named(&mut self, of: impl Fn(&Places) -> Entity) -> Rect {
        let world = self.window.world_mut();
        let entity = of(world.resource::<Places>());
        let node = world.get::<ComputedNode>(entity).unwrap();
        let place = world.get::<UiGlobalTransform>(entity).unwrap();
        Rect::from_center_size(place.translation, node.size())
    }
}

fn count<F: bevy::ecs::query::QueryFilter>(world: &mut World) -> usize {
    world.query_filtered::<(), F>().iter(world).count()
}

fn holds(outer: Rect, inner: Rect) -> bool {
    outer.inflate(1.0).union(inner) == outer.inflate(1.0)
}

fn overlap(a: Rect, b: Rect) -> bool {
    !a.inflate(-0.5).intersect(b.inflate(-0.5)).is_empty()
}

#[test]
fn everything_finds_its_place_in_every_window() {
    let others = ["Grace", "Margaret-with-a-long-name-that-goes-on", "Linus"];
    let mut arena = Arena::with(&others);
    arena
        .window
        .world_mut()
        .commands()
        .nakama()
        .create_party(CreateParty::closed(PARTY_SIZE));
    arena.until("in a party", |world| count::<With<Party>>(world) == 1);
    let world = arena.window.world_mut();
    let id = world.query::<&PartyId>().single(world).unwrap().clone();
    for other in &mut arena.others {
        other.world_mut().commands().nakama().join_party(id.clone());
    }
    arena.until("asked by all", |world| {
        count::<With<PartyJoinRequester>>(world) == 3
    });
    let world = arena.window.world_mut();
    let mut asking = world.query_filtered::<Entity, With<PartyJoinRequester>>();
    let asking: Vec<_> = asking.iter(world).collect();
    for asker in &asking[..2] {
        world.commands().nakama().accept_party_join(*asker);
    }
    arena.until("three in the party", |world| {
        count::<With<PartyMemberOf>>(world) == 3
    });
    for text in [LONG, "ok", LONG, "yes"] {
        arena.window.world_mut().trigger(Say::text(text));
    }
    arena.until("heard", |world| {
        world.query::<&ChatLog>().single(world).unwrap().len() >= 4
    });
    for _ in 0..4 {
        let notice = Notice(format!("Something that people should know: {LONG}"));
        arena.window.world_mut().trigger(notice);
    }

    for size in SIZES {
        arena.window_of(size);
        let window = Rect::new(0.0, 0.0, size.0, size.1);
        let stage = arena.place::<With<Stage>>();
        let header = arena.named(|places| places.header);
        let footer = arena.named(|places| places.footer);
        let chat = arena.place::<With<ChatBox>>();
        let party = arena.place::<With<Panel>>();
        let notices = arena.named(|places| places.notices);

        // One above the other, and the frame of the arena between the texts.
        assert!(header.max.y <= stage.min.y + 0.5, "{size:?}");
        assert!(stage.max.y <= footer.min.y + 0.5, "{size:?}");
        assert!(holds(window, footer), "{size:?}: {footer:?}");
        let floor = HALF * 2.0 / arena.window.world().resource::<Zoom>().0;
        assert!(floor.cmple(stage.size() + 0.5).all(), "{size:?}: {floor}");
        assert!(
            floor.cmpge(stage.size() - 0.5).any(),
            "{size:?}: as large as it can be, {floor}"
        );

        // Nothing lies over anything else.
        assert!(!overlap(chat, party), "{size:?}: {chat:?} {party:?}");
        assert!(!overlap(notices, party), "{size:?}: {notices:?} {party:?}");
        assert!(!overlap(notices, chat), "{size:?}: {notices:?} {chat:?}");
        for (what, rect) in [("chat", chat), ("party", party)] {
            assert!(holds(stage, rect), "{size:?}: {what} {rect:?}");
        }
        assert_eq!(arena.sticks_out::<ChatBox>(), [], "{size:?}");
        assert_eq!(arena.sticks_out::<Panel>(), [], "{size:?}");
        for text in arena.places::<With<Text>>() {
            assert!(holds(window, text), "{size:?}: {text:?}");
        }
        // A few lines can be read, and the arena is still seen.
        assert!(chat.height() >= 100.0, "{size:?}: {chat:?}");
        assert!(chat.height() < stage.height() * 0.75, "{size:?}: {chat:?}");
        assert!(chat.width() >= 200.0, "{size:?}: {chat:?}");

        // The buttons stand in columns: those at the right end where the others end.
        let mut ends: Vec<_> = arena
            .places::<With<Button>>()
            .iter()
            .map(|button| button.max.x.round() as i32)
            .collect();
        ends.sort_unstable();
        ends.dedup_by(|a, b| a.abs_diff(*b) < 3);
        assert!(ends.len() <= 4, "{size:?}: {ends:?}");
    }
}

#[test]
fn after_a_disconnect_the_window_says_so_and_no_panel_stays() {
    let mut arena = Arena::with(&["Grace"]);
    arena.window.world_mut().trigger(Say::text("hello"));
    arena.window.world_mut().commands().nakama().disconnect();
    arena.until("offline", |world| {
        !world.resource::<NakamaConnection>().is_connected()
    });
    for size in SIZES {
        arena.window_of(size);
        let stage = arena.place::<With<Stage>>();
        assert_eq!(arena.places::<With<ChatBox>>(), [], "{size:?}");
        assert_eq!(arena.places::<With<Panel>>(), [], "{size:?}");
        assert_eq!(arena.places::<With<Button>>(), [], "{size:?}");
        let banner = arena.place::<With<Banner>>();
        assert!(holds(stage, banner), "{size:?}");
        assert_eq!(arena.sticks_out::<Banner>(), [], "{size:?}");
    }
    let texts = arena.texts();
    assert!(texts.iter().any(|text| text == "R: try again"), "{texts:?}");
    for key in ["WASD/arrows", "Space", "Enter"] {
        assert!(!texts.iter().any(|text| text == key), "{texts:?}");
    }
}

/// The server is there, but it does not let the player into the arena. The player tries again.
#[test]
fn after_a_refused_join_the_player_tries_again() {
    let mut arena = Arena::with(&[]);
    let world = arena.window.world_mut();
    let here = world.query_filtered::<Entity, With<Match>>().single(world);
    world.despawn(here.unwrap());
    arena.until("out", |world| count::<With<Match>>(world) == 0);
    let reason = format!("could not join: {LONG}");
    arena.window.world_mut().resource_mut::<Trouble>().0 = Some(reason);
    for size in SIZES {
        arena.window_of(size);
        assert_eq!(arena.places::<With<Panel>>(), [], "{size:?}");
        assert_eq!(arena.sticks_out::<Banner>(), [], "{size:?}");
    }
    arena.window.world_mut().trigger(TryAgain);
    arena.until("here again", |world| count::<With<PresentIn>>(world) == 1);
    arena.window.update();
    assert_eq!(arena.places::<With<Banner>>(), []);
    assert!(arena.texts().iter().any(|text| text == "Space"));
}

/// An invitation is shown, and what the player has written stays.
#[test]
fn an_invitation_leaves_the_code_alone() {
    let mut arena = Arena::with(&[]);
    arena.window.update();
    let field = |world: &mut World| {
        let mut fields = world.query_filtered::<Entity, With<Code>>();
        fields.single(world).unwrap()
    };
    let before = field(arena.window.world_mut());
    let invitation = Some(("Margaret-with-a-long-name-that-goes-on".into(), "p".into()));
    arena.window.world_mut().resource_mut::<Invitation>().0 = invitation;
    for size in SIZES {
        arena.window_of(size);
        assert_eq!(arena.sticks_out::<Panel>(), [], "{size:?}");
        let chat = arena.place::<With<ChatBox>>();
        let party = arena.place::<With<Panel>>();
        assert!(!overlap(chat, party), "{size:?}: {chat:?} {party:?}");
    }
    let joins = |texts: Vec<String>| texts.iter().filter(|text| *text == "Join").count();
    assert_eq!(joins(arena.texts()), 2);
    assert_eq!(field(arena.window.world_mut()), before);

    // In a party, everybody knows already.
    let open = CreateParty::open(PARTY_SIZE);
    arena
        .window
        .world_mut()
        .commands()
        .nakama()
        .create_party(open);
    arena.until("in a party", |world| {
        count::<With<PartyMemberOf>>(world) == 1
    });
    assert!(arena.window.world().resource::<Invitation>().0.is_none());
}

/// A second click, before the server has answered the first.
#[test]
fn while_a_party_is_made_there_is_no_button_to_make_another() {
    let mut arena = Arena::with(&[]);
    arena.window.update();
    let world = arena.window.world_mut();
    let mut buttons = world.query_filtered::<(Entity, &Explains), With<Button>>();
    let (button, _) = buttons
        .iter(world)
        .find(|(_, explains)| explains.0.starts_with("Make a party that everybody"))
        .unwrap();
    world.trigger(Activate { entity: button });
    arena.window.update();
    assert!(arena.texts().iter().all(|text| text != "New open"));
    arena.until("in a party", |world| {
        count::<With<PartyMemberOf>>(world) == 1
    });
}

/// A name stays in the window where an avatar stands at the wall.
#[test]
fn a_name_at_the_wall_is_not_cut() {
    let mut arena = Arena::with(&["Margaret-with-a-long-name-that-goes-on"]);
    arena.until("two name tags", |world| {
        world.query::<&Text2d>().iter(world).count() == 2
    });
    let world = arena.window.world_mut();
    for mut place in world.query::<&mut Position>().iter_mut(world) {
        place.0 = Vec2::new(-HALF.x, 0.0);
    }
    arena.window.update();
    for size in SIZES {
        arena.window_of(size);
        let world = arena.window.world_mut();
        let zoom = world.resource::<Zoom>().0;
        let mut tags = world.query::<(&GlobalTransform, &TextLayoutInfo, &Text2d)>();
        let mut seen = 0;
        for (place, laid_out, _) in tags.iter(world) {
            let reach = place.translation().x.abs() + laid_out.size.x * zoom / 2.0;
            assert!(reach <= HALF.x + 1.0, "{size:?}: {reach}");
            seen += 1;
        }
        assert_eq!(seen, 2);
    }
}

/// What the header says while the login is under way.
#[test]
fn the_header_says_what_it_waits_for() {
    let mut arena = Arena::with(&[]);
    arena.window.world_mut().commands().nakama().disconnect();
    arena.until("offline", |world| world.resource::<Trouble>().0.is_some());
    arena.window.world_mut().trigger(TryAgain);
    arena.window.update();
    let world = arena.window.world_mut();
    let url = world.resource::<Player>().server.url().to_owned();
    let line = world
        .query_filtered::<&Text, With<StatusLine>>()
        .single(world);
    assert_eq!(line.unwrap().0, format!("logging in at {url}"));
}

//! The party panel: create a party, invite, join, accept, promote, kick.

use bevy::{
    clipboard::Clipboard,
    input_focus::InputFocus,
    prelude::*,
    text::EditableText,
    ui_widgets::{Activate, ScrollArea},
};
use bevy_nakama::{overlay, prelude::*};

use super::{
    avatar::color_of,
    layout::Places,
    widgets::{ALERT, DIM, button, one_line, panel, spawn_field, text},
};
use crate::{
    notice::Notice,
    online::Trouble,
    party::{Invitation, Invite, PARTY_SIZE},
};

/// Marks a request to make a party or to join it.
#[derive(Component)]
struct AsksForParty;

/// Where the last invitation is shown.
#[derive(Component)]
struct InvitationRow;

#[derive(Component)]
pub(super) struct Panel;

/// Where an invite code is written.
#[derive(Component)]
pub(super) struct Code;

/// What the panel shows.
#[derive(Clone, Default, PartialEq)]
enum Shown {
    #[default]
    Nothing,
    /// In no party.
    Outside,
    /// Has asked for a party, and has no answer yet.
    Busy,
    /// Asked to join a party.
    Waiting(Entity),
    Inside {
        party: Entity,
        id: PartyId,
        is_open: bool,
        am_leader: bool,
        members: Vec<Member>,
        asking: Vec<(Entity, Username)>,
    },
}

#[derive(Clone, PartialEq)]
struct Member {
    entity: Entity,
    name: Username,
    user: UserId,
    is_self: bool,
    is_leader: bool,
}

type MemberData = (
    &'static Username,
    &'static UserId,
    Has<IsSelf>,
    Has<PartyLeader>,
);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build).add_systems(
        Update,
        (
            (show, show_invitation).chain(),
            join_with_enter.run_if(not(overlay::wants_keyboard)),
        ),
    );
}

fn build(mut commands: Commands, places: Res<Places>) {
    let node = Node {
        display: Display::None,
        max_height: percent(100),
        ..default()
    };
    commands.spawn((panel(node), Panel, ChildOf(places.right)));
}

/// The world as the panel sees it; the panel is made anew when that changes.
fn show(
    mut commands: Commands,
    panel: Single<(Entity, &mut Node), With<Panel>>,
    connection: Res<NakamaConnection>,
    trouble: Res<Trouble>,
    parties: Query<(
        Entity,
        &Party,
        &PartyId,
        &PartyMembers,
        Option<&PartyJoinRequests>,
    )>,
    members: Query<MemberData>,
    names: Query<&Username>,
    waiting: Query<Entity, With<PendingApproval>>,
    asking: Query<(), (With<AsksForParty>, With<Joining>)>,
    mut shown: Local<Shown>,
) {
    let now = if let Some((entity, party, id, who, askers)) = parties.iter().next() {
        let mut members: Vec<_> = who
            .iter()
            .filter_map(|entity| {
                let (name, user, is_self, is_leader) = members.get(entity).ok()?;
                Some(Member {
                    entity,
                    name: name.clone(),
                    user: user.clone(),
                    is_self,
                    is_leader,
                })
            })
            .collect();
        members.sort_by(|a, b| (b.is_leader, &a.name).cmp(&(a.is_leader, &b.name)));
        Shown::Inside {
            party: entity,
            id: id.clone(),
            is_open: party.open,
            am_leader: members.iter().any(|who| who.is_self && who.is_leader),
            members,
            asking: askers
                .into_iter()
                .flat_map(PartyJoinRequests::iter)
                .filter_map(|asker| Some((asker, names.get(asker).ok()?.clone())))
                .collect(),
        }
    } else if !connection.is_connected() || trouble.0.is_some() {
        Shown::Nothing
    } else if let Some(waiting) = waiting.iter().next() {
        Shown::Waiting(waiting)
    } else if !asking.is_empty() {
        Shown::Busy
    } else {
        Shown::Outside
    };
    if *shown != now {
        let (panel, mut node) = panel.into_inner();
        node.display = match now {
            Shown::Nothing => Display::None,
            _ => Display::Flex,
        };
        commands
            .entity(panel)
            .despawn_children()
            .with_children(|panel| draw(panel, now.clone()));
        *shown = now;
    }
}

fn draw(panel: &mut ChildSpawnerCommands, shown: Shown) {
    match shown {
        Shown::Nothing => {}
        Shown::Outside => draw_outside(panel),
        Shown::Busy => {
            panel.spawn(text("Asking the server", 12.0, DIM));
        }
        Shown::Waiting(asking) => {
            panel.spawn(text("Waiting for the party's leader", 12.0, DIM));
            panel
                .spawn(button("Withdraw", "Take the join request back"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    // There is no message for this: to despawn what waits is to give up.
                    commands.entity(asking).despawn();
                });
        }
        Shown::Inside {
            party,
            id,
            is_open,
            am_leader,
            members,
            asking,
        } => {
            let door = if is_open { "open" } else { "closed" };
            panel.spawn(text(
                format!("Party of {}, {door}", members.len()),
                13.0,
                Color::WHITE,
            ));
            list(panel, |list| {
                for (asker, name) in asking {
                    draw_asker(list, asker, &name);
                }
                for member in members {
                    draw_member(list, member, am_leader);
                }
            });
            draw_actions(panel, party, id, am_leader);
        }
    }
}

/// Rows, which the mouse wheel moves if there are more of them than find room.
fn list(panel: &mut ChildSpawnerCommands, rows: impl FnOnce(&mut ChildSpawnerCommands)) {
    panel
        .spawn((
            Node {
                flex_direction: FlexDirection::Column,
                row_gap: px(3),
                min_height: px(0),
                overflow: Overflow::scroll_y(),
                ..default()
            },
            ScrollArea,
        ))
        .with_children(rows);
}

/// What is in it stands side by side.
fn row(panel: &mut ChildSpawnerCommands, content: impl FnOnce(&mut ChildSpawnerCommands)) {
    panel
        .spawn((
            Node {
                column_gap: px(5),
                align_items: AlignItems::Center,
                min_height: px(20),
                flex_shrink: 0.0,
                ..default()
            },
            Pickable::IGNORE,
        ))
        .with_children(content);
}

/// The text of a row takes the room that the row's buttons leave.
fn label(row: &mut ChildSpawnerCommands, content: impl Bundle) {
    row.spawn((
        Node {
            flex_grow: 1.0,
            flex_shrink: 1.0,
            flex_basis: px(0),
            min_width: px(0),
            overflow: Overflow::clip(),
            ..default()
        },
        Pickable::IGNORE,
    ))
    .with_child(content);
}

/// Buttons in two columns of the same width.
fn grid(panel: &mut ChildSpawnerCommands, buttons: impl FnOnce(&mut ChildSpawnerCommands)) {
    panel
        .spawn((
            Node {
                display: Display::Grid,
                grid_template_columns: RepeatedGridTrack::flex(2, 1.0),
                column_gap: px(5),
                row_gap: px(4),
                flex_shrink: 0.0,
                ..default()
            },
            Pickable::IGNORE,
        ))
        .with_children(buttons);
}

fn draw_outside(panel: &mut ChildSpawnerCommands) {
    panel.spawn(text("Party", 13.0, Color::WHITE));
    grid(panel, |grid| {
        grid.spawn(button("New open", "Make a party that everybody may join"))
            .observe(|_: On<Activate>, mut commands: Commands| {
                commands
                    .nakama()
                    .create_party(CreateParty::open(PARTY_SIZE))
                    .insert(AsksForParty);
            });
        let explains = "Make a party that you let people into";
        grid.spawn(button("New closed", explains)).observe(
            |_: On<Activate>, mut commands: Commands| {
                commands
                    .nakama()
                    .create_party(CreateParty::closed(PARTY_SIZE))
                    .insert(AsksForParty);
            },
        );
    });
    panel.spawn((
        Node {
            flex_direction: FlexDirection::Column,
            flex_shrink: 0.0,
            ..default()
        },
        Pickable::IGNORE,
        InvitationRow,
    ));
    row(panel, |row| {
        let (idle, writing) = ("Code of a party", "Ctrl+V: paste");
        spawn_field(row, 1, Code, idle, writing);
        let explains = "Join the party whose code you got from a member";
        row.spawn(button("Join", explains))
            .observe(join_with_button);
    });
}

/// In a row of its own: what is written below stays when an invitation comes.
fn show_invitation(
    mut commands: Commands,
    invitation: Res<Invitation>,
    rows: Query<(Entity, Ref<InvitationRow>)>,
) {
    for (place, is_new) in &rows {
        if !invitation.is_changed() && !is_new.is_added() {
            continue;
        }
        let mut place = commands.entity(place);
        place.despawn_children();
        let Some((name, id)) = invitation.0.clone() else {
            continue;
        };
        place.with_children(|place| {
            row(place, |row| {
                label(row, one_line(format!("{name} invites you"), 12.0, ALERT));
                row.spawn(button("Join", "Join the party that you are invited to"))
                    .observe(move |_: On<Activate>, mut commands: Commands| {
                        commands
                            .nakama()
                            .join_party(id.clone())
                            .insert(AsksForParty);
                    });
            });
        });
    }
}

fn draw_member(list: &mut ChildSpawnerCommands, member: Member, am_leader: bool) {
    row(list, |row| {
        let marks = match (member.is_self, member.is_leader) {
            (true, true) => "  you, leader",
            (true, false) => "  you",
            (false, true) => "  leader",
            (false, false) => "",
        };
        let name = one_line(member.name.as_str(), 12.0, color_of(&member.user));
        let marks = (
            TextSpan::new(marks),
            TextFont::from_font_size(12.0),
            TextColor(DIM),
        );
        label(row, (name, children![marks]));
        if am_leader && !member.is_self {
            let member = member.entity;
            row.spawn(button("Promote", "Make them the party's leader"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().promote_party_member(member);
                });
            row.spawn(button("Kick", "Put them out of the party"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().kick_from_party(member);
                });
        }
    });
}

fn draw_asker(list: &mut ChildSpawnerCommands, asker: Entity, name: &Username) {
    row(list, |row| {
        label(row, one_line(format!("{name}?"), 12.0, ALERT));
        row.spawn(button("Let in", "They ask to join the party: accept"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.nakama().accept_party_join(asker);
            });
        row.spawn(button("No", "They ask to join the party: decline"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.nakama().decline_party_join(asker);
            });
    });
}

fn draw_actions(panel: &mut ChildSpawnerCommands, party: Entity, id: PartyId, am_leader: bool) {
    grid(panel, |grid| {
        grid.spawn(button("Invite", "Invite everybody, in the chat"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.trigger(Invite { party });
            });
        let explains = "Copy the party's code; with it, others join";
        grid.spawn(button("Copy code", explains)).observe(
            move |_: On<Activate>, mut commands: Commands, mut clipboard: ResMut<Clipboard>| {
                let copied = clipboard.set_text(id.as_str());
                commands.trigger(Notice(match copied {
                    Ok(()) => format!("Copied {id}"),
                    Err(error) => format!("Not copied: {error:?}"),
                }));
            },
        );
        let explains = "You leave; the others stay together";
        grid.spawn(button("Leave party", explains)).observe(
            move |_: On<Activate>, mut commands: Commands| {
                commands.nakama().leave_party(party);
            },
        );
        if am_leader {
            let explains = "End the party for everybody in it";
            grid.spawn(button("Close party", explains)).observe(
                move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().close_party(party);
                },
            );
        }
    });
}

fn join_with_button(
    _: On<Activate>,
    mut commands: Commands,
    code: Query<&EditableText, With<Code>>,
) {
    for code in &code {
        join(&mut commands, code);
    }
}

fn join_with_enter(
    mut commands: Commands,
    keys: Res<ButtonInput<KeyCode>>,
    mut focus: ResMut<InputFocus>,
    code: Query<(Entity, &EditableText), With<Code>>,
) {
    for (entity, code) in &code {
        if focus.get() != Some(entity) {
            continue;
        }
        if keys.just_pressed(KeyCode::Enter) {
            join(&mut commands, code);
        }
        if keys.any_just_pressed([KeyCode::Enter, KeyCode::Escape]) {
            focus.clear();
        }
    }
}

fn join(commands: &mut Commands, code: &EditableText) {
    let code = code.value().to_string();
    if !code.trim().is_empty() {
        commands
            .nakama()
            .join_party(code.trim())
            .insert(AsksForParty);
    }
}

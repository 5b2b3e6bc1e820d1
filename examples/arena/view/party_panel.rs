//! The party panel: create a party, invite, join, let in, promote, throw out.

use bevy::{
    clipboard::Clipboard, input_focus::InputFocus, prelude::*, text::EditableText,
    ui_widgets::Activate,
};
use bevy_nakama::{overlay, prelude::*};

use super::{
    avatar::color_of,
    widgets::{DIM, PANEL, button, field, text},
};
use crate::{
    notice::Notice,
    party::{Invitation, Invite, PARTY_SIZE},
};

#[derive(Component)]
struct Panel;

/// Where an invite code is written.
#[derive(Component)]
struct Code;

/// What the panel shows.
#[derive(Clone, Default, PartialEq)]
enum Shown {
    #[default]
    Nothing,
    /// In no party.
    Outside {
        invitation: Option<(Username, PartyId)>,
    },
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
        (show, join_with_enter.run_if(not(overlay::wants_keyboard))),
    );
}

fn build(mut commands: Commands) {
    commands.spawn((
        Node {
            position_type: PositionType::Absolute,
            bottom: px(36),
            right: px(40),
            min_width: px(196),
            padding: px(10).all(),
            row_gap: px(6),
            flex_direction: FlexDirection::Column,
            border_radius: BorderRadius::all(px(6)),
            ..default()
        },
        BackgroundColor(PANEL),
        Visibility::Hidden,
        Panel,
    ));
}

/// The world as the panel sees it; the panel is made anew when that changes.
fn show(
    mut commands: Commands,
    panel: Single<(Entity, &mut Visibility), With<Panel>>,
    connection: Res<NakamaConnection>,
    invitation: Res<Invitation>,
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
    mut shown: Local<Shown>,
) {
    let now = if let Some((entity, party, id, who, asking)) = parties.iter().next() {
        let members: Vec<_> = who
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
        Shown::Inside {
            party: entity,
            id: id.clone(),
            is_open: party.open,
            am_leader: members.iter().any(|who| who.is_self && who.is_leader),
            members,
            asking: asking
                .into_iter()
                .flat_map(PartyJoinRequests::iter)
                .filter_map(|asker| Some((asker, names.get(asker).ok()?.clone())))
                .collect(),
        }
    } else if connection.state() != ConnectionState::Connected {
        Shown::Nothing
    } else if let Some(waiting) = waiting.iter().next() {
        Shown::Waiting(waiting)
    } else {
        Shown::Outside {
            invitation: invitation.0.clone(),
        }
    };
    if *shown != now {
        let (panel, mut visibility) = panel.into_inner();
        *visibility = match now {
            Shown::Nothing => Visibility::Hidden,
            _ => Visibility::Inherited,
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
        Shown::Outside { invitation } => draw_outside(panel, invitation),
        Shown::Waiting(asking) => {
            panel.spawn(text("Waiting for the party's leader", 12.0, DIM));
            panel.spawn(button("Withdraw")).observe(
                move |_: On<Activate>, mut commands: Commands| {
                    // There is no message for this: to despawn what waits is to give up.
                    commands.entity(asking).despawn();
                },
            );
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
            for member in members {
                draw_member(panel, member, am_leader);
            }
            for (asker, name) in asking {
                draw_asker(panel, asker, &name);
            }
            draw_actions(panel, party, id, am_leader);
        }
    }
}

fn row(panel: &mut ChildSpawnerCommands, content: impl FnOnce(&mut ChildSpawnerCommands)) {
    panel
        .spawn(Node {
            column_gap: px(6),
            align_items: AlignItems::Center,
            ..default()
        })
        .with_children(content);
}

fn draw_outside(panel: &mut ChildSpawnerCommands, invitation: Option<(Username, PartyId)>) {
    panel.spawn(text("Party", 13.0, Color::WHITE));
    row(panel, |row| {
        row.spawn(button("Create open"))
            .observe(|_: On<Activate>, mut commands: Commands| {
                commands
                    .nakama()
                    .create_party(CreateParty::open(PARTY_SIZE));
            });
        row.spawn(button("Create closed"))
            .observe(|_: On<Activate>, mut commands: Commands| {
                commands
                    .nakama()
                    .create_party(CreateParty::closed(PARTY_SIZE));
            });
    });
    if let Some((name, id)) = invitation {
        row(panel, |row| {
            row.spawn(text(format!("{name} invites you"), 12.0, DIM));
            row.spawn(button("Join"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().join_party(id.clone());
                });
        });
    }
    row(panel, |row| {
        row.spawn((field(px(120), 1), Code));
        row.spawn(button("Join by code")).observe(join_with_button);
    });
}

fn draw_member(panel: &mut ChildSpawnerCommands, member: Member, am_leader: bool) {
    row(panel, |row| {
        let mark = if member.is_leader { "* " } else { "" };
        let me = if member.is_self { " (you)" } else { "" };
        row.spawn(text(
            format!("{mark}{}{me}", member.name),
            12.0,
            color_of(&member.user),
        ));
        if am_leader && !member.is_self {
            let member = member.entity;
            row.spawn(button("Promote"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().promote_party_member(member);
                });
            row.spawn(button("Kick"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().kick_from_party(member);
                });
        }
    });
}

fn draw_asker(panel: &mut ChildSpawnerCommands, asker: Entity, name: &Username) {
    row(panel, |row| {
        row.spawn(text(format!("{name}?"), 12.0, DIM));
        row.spawn(button("Accept"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.nakama().accept_party_join(asker);
            });
        row.spawn(button("Decline"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.nakama().decline_party_join(asker);
            });
    });
}

fn draw_actions(panel: &mut ChildSpawnerCommands, party: Entity, id: PartyId, am_leader: bool) {
    row(panel, |row| {
        row.spawn(button("Invite"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.trigger(Invite { party });
            });
        row.spawn(button("Copy code")).observe(
            move |_: On<Activate>, mut commands: Commands, mut clipboard: ResMut<Clipboard>| {
                let copied = clipboard.set_text(id.as_str());
                commands.trigger(Notice(match copied {
                    Ok(()) => format!("Copied {id}"),
                    Err(error) => format!("Not copied: {error:?}"),
                }));
            },
        );
        row.spawn(button("Leave"))
            .observe(move |_: On<Activate>, mut commands: Commands| {
                commands.nakama().leave_party(party);
            });
        if am_leader {
            row.spawn(button("Close"))
                .observe(move |_: On<Activate>, mut commands: Commands| {
                    commands.nakama().close_party(party);
                });
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
        commands.nakama().join_party(code.trim());
    }
}

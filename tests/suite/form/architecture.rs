//! Who may know whom: the arrows of the design, read off the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::paths::{Source, all, file_of, sources};

/// The layers, lowest first. What is on a line knows what is on the lines above it, and nothing else.
const LAYERS: &[&[&str]] = &[
    &["proto", "shared_text", "ecs"],
    &["chaos", "local_server", "transport"],
    &["error", "settings", "session", "commands"],
    &["connection"],
    &["request"],
    &["mirror"],
    &["data"],
    &["areas", "envelope", "rest"],
    &["conditions", "diagnostics", "plugin"],
    &["overlay", "testing"],
];

/// Who knows the protocol at most, and nothing else of the crate.
const APART: [&str; 3] = ["chaos", "local_server", "transport"];

/// Inside the transport: what a folder does not know.
const INSIDE_TRANSPORT: [(&str, &[&str]); 2] =
    [("core", &["socket"]), ("wire", &["core", "socket"])];

/// Folders in which no two files know each other.
const TIDY: [&str; 9] = [
    "chaos",
    "connection",
    "data",
    "mirror",
    "request",
    "transport/core",
    "transport/socket",
    "transport/wire",
    "transport/worker",
];

fn names(source: &Source, path: &[String]) -> String {
    format!("{} names {}", source.module, path.join("::"))
}

/// What names something of its own layer, or of one above it.
fn against_the_layers(sources: &[Source]) -> BTreeSet<String> {
    let layer_of = |place: &str| LAYERS.iter().position(|layer| layer.contains(&place));
    let mut wrong = BTreeSet::new();
    // The front page passes everything on to games.
    for source in sources.iter().filter(|it| it.module != "lib") {
        let place = source.place();
        let layer = layer_of(place).unwrap_or_else(|| panic!("`{place}` is in no layer"));
        for path in source.names.iter().chain(source.passes_on.values()) {
            let named = path.first().map_or("", String::as_str);
            let is_below = layer_of(named).is_some_and(|below| below < layer);
            let is_far = APART.contains(&place) && named != "proto";
            if named != place && (!is_below || is_far) {
                wrong.insert(names(source, path));
            }
        }
    }
    wrong
}

/// Which areas name other areas.
fn areas_that_know_each_other(sources: &[Source]) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for source in sources {
        let mut parts = source.module.split('/');
        let (Some("areas"), Some(area)) = (parts.next(), parts.next()) else {
            continue;
        };
        for path in source.names.iter().chain(source.passes_on.values()) {
            let is_of_areas = path.first().is_some_and(|it| it == "areas");
            if is_of_areas && path.get(1).is_none_or(|it| it != area) {
                wrong.insert(names(source, path));
            }
        }
    }
    wrong
}

/// A circle between the files of a folder.
fn circle_in<'a>(sources: &'a [Source], folder: &str) -> Option<Vec<&'a str>> {
    let mut knows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|it| it.is_in(folder)) {
        let named = source.names.iter();
        let named = named.filter_map(|path| file_of(sources, path));
        knows.insert(
            &source.module,
            named.filter(|it| *it != source.module).collect(),
        );
    }
    knows
        .keys()
        .find_map(|at| walk(at, &mut Vec::new(), &knows))
}

fn walk<'a>(
    at: &'a str,
    way: &mut Vec<&'a str>,
    knows: &BTreeMap<&'a str, BTreeSet<&'a str>>,
) -> Option<Vec<&'a str>> {
    if let Some(begin) = way.iter().position(|it| *it == at) {
        return Some(way[begin..].to_vec());
    }
    way.push(at);
    let next = knows.get(at).into_iter().flatten();
    let found = next.into_iter().find_map(|next| walk(next, way, knows));
    way.pop();
    found
}

#[test]
fn a_layer_knows_only_what_is_below_it() {
    let wrong = against_the_layers(&all());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_area_knows_no_other_area() {
    let wrong = areas_that_know_each_other(&all());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_two_files_of_a_folder_know_each_other() {
    let sources = all();
    for folder in TIDY {
        let circle = circle_in(&sources, folder);
        assert!(circle.is_none(), "a circle in {folder}: {circle:?}");
    }
}

/// With an import of everything, nobody sees what is named.
#[test]
fn no_source_imports_all_of_a_module() {
    // The front page passes everything on to games.
    for source in all().iter().filter(|it| it.module != "lib") {
        assert!(
            source.globs.is_empty(),
            "{}: {:?}",
            source.module,
            source.globs
        );
    }
}

/// A text for each form in which a source can name what it may not.
#[test]
fn every_form_of_a_forbidden_arrow_is_seen() {
    for text in [
        "use crate::areas::party::Party;",
        "use crate::{areas::party::Party, error::PayloadError};",
        "use super::party::X;",
        "use super::{super::areas::party::X};",
        "use crate::areas;\nfn f() { areas::party::f() }",
        "fn f() { super::party::f() }",
        "pub(super) use super::party::X;",
    ] {
        let planted = [Source::new("areas/chat", text)];
        assert!(!areas_that_know_each_other(&planted).is_empty(), "{text}");
    }
    let deeper = [Source::new(
        "areas/chat/log",
        "use super::{super::party::X};",
    )];
    assert!(!areas_that_know_each_other(&deeper).is_empty());

    for (module, text) in [
        ("mirror/index", "use super::super::areas::chat::X;"),
        ("mirror/index", "use super::{super::areas::chat};"),
        ("mirror", "pub(crate) use super::data::send;"),
        ("mirror/index", "fn f() { crate::data::f() }"),
        ("transport/link", "use crate::ecs::naming;"),
        ("local_server", "use super::shared_text::X;"),
    ] {
        let planted = [Source::new(module, text)];
        assert!(!against_the_layers(&planted).is_empty(), "{text}");
    }

    for (facade, text) in [
        ("mod index; mod receive;", "use crate::mirror::receive::X;"),
        (
            "mod index; mod receive;",
            "use crate::{mirror::receive::X};",
        ),
        ("mod index; mod receive;", "use super::{receive::X};"),
        (
            "mod index; mod receive; pub(crate) use self::receive::X;",
            "use super::X;",
        ),
        (
            "mod index; mod receive; pub(super) use receive::X;",
            "fn f() { super::X::new() }",
        ),
        (
            "mod index; mod receive;",
            "use super::receive;\nfn f() { receive::x() }",
        ),
        ("mod index;\nfn f() { index::x() }", "use super::Y;"),
        ("mod index;\nuse index::x;", "use crate::mirror::Y;"),
    ] {
        let planted = [
            Source::new("mirror", facade),
            Source::new("mirror/index", text),
            Source::new("mirror/receive", "use super::index::Z;"),
        ];
        assert!(circle_in(&planted, "mirror").is_some(), "{facade} {text}");
    }

    let everything = Source::new("mirror/index", "use super::*;");
    assert!(!everything.globs.is_empty());
}

#[test]
fn the_transport_knows_no_bevy() {
    for source in all().iter().filter(|it| it.is_in("transport")) {
        // The name by which the plugin calls itself over REST.
        let code = source.code.replace("bevy_nakama", "");
        assert!(!code.contains("bevy_"), "{}", source.module);
    }
}

#[test]
fn the_core_and_the_wire_know_no_socket() {
    for (folder, strangers) in INSIDE_TRANSPORT {
        let own = format!("transport/{folder}");
        for source in all().iter().filter(|it| it.is_in(&own)) {
            for path in &source.names {
                let is_near = path.first().is_some_and(|it| it == "transport");
                let stranger = path.get(1).filter(|it| strangers.contains(&it.as_str()));
                assert!(!is_near || stranger.is_none(), "{}", names(source, path));
            }
        }
    }
}

#[test]
fn files_are_short() {
    let mut lengths = Vec::new();
    for (path, _) in sources("") {
        let text = fs::read_to_string(&path).expect("readable");
        let lines = text.lines().count();
        assert!(lines <= 600, "{}: {lines} lines", path.display());
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 180, "the median file has {median} lines");
}

#[test]
fn the_panels_know_neither_the_world_nor_the_areas() {
    for source in all().iter().filter(|it| it.is_in("overlay/panels")) {
        for path in &source.names {
            let named = path.first().map_or("", String::as_str);
            let is_near = ["connection", "overlay"].contains(&named);
            assert!(is_near, "{}", names(source, path));
        }
        for word in ["World", "Query<", "Res<", "ResMut<", "Commands"] {
            assert!(
                !source.code.contains(word),
                "{} names {word}",
                source.module
            );
        }
    }
}

/// A game may disable entities, as `DisableOnExit` does, and Bevy's queries pass those over. The plugin must not.
#[test]
fn no_query_passes_over_what_the_game_has_disabled() {
    for (path, code) in sources("") {
        let path = path.display();
        for way in [".query::<", "query_filtered::<", "QueryState<", "Single<"] {
            assert!(!code.contains(way), "{path}: {way}: go by entity");
        }
        for (at, _) in code.match_indices("Query<") {
            let mut depth = 0;
            let end = code[at..].find(|c| {
                depth += i32::from(c == '<') - i32::from(c == '>');
                c == '>' && depth == 0
            });
            let query = &code[at..at + end.expect("it ends")];
            // Cameras and the like are not the plugin's.
            let is_ours = !query.contains("EguiContext") && !query.contains("Camera");
            assert!(
                !is_ours || query.contains("Allow<Disabled>"),
                "{path}: {query}>: add `Allow<Disabled>`"
            );
        }
    }
}

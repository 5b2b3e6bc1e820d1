//! Who may know whom: the arrows of the design, read off the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) fn sources(below: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(below),
    ];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(
                fs::read_dir(&path)
                    .expect("readable")
                    .map(|entry| entry.expect("readable").path()),
            );
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("readable");
            // Docs may name what code may not.
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            found.push((path.clone(), code.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(!found.is_empty(), "no sources in {below}");
    found
}

/// Modules of this crate that a source names, with `crate::` and in grouped imports.
fn modules_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (index, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    _ if start && depth == 0 && c.is_alphabetic() => {
                        let end = group[index..].find(|c: char| !c.is_alphanumeric() && c != '_');
                        named.push(group[index..index + end.unwrap_or_default()].to_owned());
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            named.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    named
}

#[test]
fn the_transport_knows_the_protocol_and_no_bevy() {
    for (path, code) in sources("transport") {
        assert!(
            !code.contains("bevy_ecs") && !code.contains("bevy_app"),
            "{}",
            path.display()
        );
        for module in modules_named(&code) {
            assert!(
                ["proto", "transport"].contains(&module.as_str()),
                "{} names {module}",
                path.display()
            );
        }
    }
}

#[test]
fn the_embedded_server_shares_the_protocol_only() {
    for (path, code) in sources("local_server") {
        for module in modules_named(&code) {
            assert!(
                ["proto", "local_server"].contains(&module.as_str()),
                "{} names {module}",
                path.display()
            );
        }
    }
}

#[test]
fn the_protocol_knows_nobody() {
    for (path, code) in sources("proto") {
        for module in modules_named(&code) {
            assert_eq!(module, "proto", "{}", path.display());
        }
    }
}

#[test]
fn the_areas_do_not_know_each_other() {
    for (path, code) in sources("areas") {
        let area = path
            .components()
            .map(|part| part.as_os_str().to_string_lossy());
        let area = area
            .skip_while(|part| part != "areas")
            .nth(1)
            .unwrap_or_default();
        for (at, _) in code.match_indices("areas::") {
            assert!(
                code[at + "areas::".len()..].starts_with(&*area),
                "{} names another area",
                path.display()
            );
        }
    }
}

#[test]
fn the_overlay_knows_everybody_and_nobody_knows_it() {
    for (path, code) in sources("") {
        if path.components().any(|part| part.as_os_str() == "overlay") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let knows = modules_named(&code).contains(&"overlay".to_owned());
        assert!(
            !knows || ["lib.rs", "plugin.rs"].contains(&&*name),
            "{} names overlay",
            path.display()
        );
    }
}

#[test]
fn the_panels_know_neither_the_world_nor_the_areas() {
    for (path, code) in sources("overlay/panels") {
        for module in modules_named(&code) {
            assert!(
                ["connection", "overlay"].contains(&module.as_str()),
                "{} names {module}",
                path.display()
            );
        }
        for word in ["World", "Query<", "Res<", "ResMut<", "Commands"] {
            assert!(!code.contains(word), "{} names {word}", path.display());
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

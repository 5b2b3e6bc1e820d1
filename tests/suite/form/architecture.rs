//! Who may know whom: the arrows of the design, read off the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The layers, lowest first. What is on a line knows what is on the lines above it, and nothing else.
const LAYERS: &[&[&str]] = &[
    &["proto", "shared_text", "ecs"],
    &["local_server", "transport"],
    &["error", "settings", "session", "commands"],
    &["connection"],
    &["request"],
    &["mirror"],
    &["data"],
    &["areas", "envelope", "rest"],
    &["diagnostics", "plugin"],
    &["overlay", "testing"],
];

/// Folders in which no two files know each other.
const TIDY: [&str; 4] = ["connection", "data", "mirror", "request"];

/// A file of `src`, as code: docs may name what code may not.
struct Source {
    /// Below `src`, without the ending: `mirror/index`, and `mirror` for `mirror/mod.rs`.
    module: String,
    code: String,
    lines: usize,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

pub(crate) fn sources(below: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("readable");
            folders.extend(entries.map(|entry| entry.expect("readable").path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("readable");
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            found.push((path.clone(), code.collect::<Vec<_>>().join("\n")));
        }
    }
    assert!(!found.is_empty(), "no sources in {below}");
    found
}

fn all() -> Vec<Source> {
    let read = |(path, code): (PathBuf, String)| {
        let module = path.strip_prefix(root()).expect("below it");
        let module = module.with_extension("").display().to_string();
        let module = module.strip_suffix("/mod").unwrap_or(&module).to_owned();
        let lines = fs::read_to_string(&path).expect("readable").lines().count();
        // What only tests of the file itself name is no arrow.
        let code = code.split("#[cfg(test)]\nmod tests {").next();
        let code = code.unwrap_or_default().to_owned();
        Source {
            module,
            code,
            lines,
        }
    };
    sources("").into_iter().map(read).collect()
}

/// The paths below `crate::` (or `super::`, `self::`) that a source names, grouped imports spelled out.
fn paths(code: &str, root: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == ':' {
            continue;
        }
        read_tree(&code[at + root.len()..], Vec::new(), &mut found);
    }
    found
}

/// Reads one tree of an import; how much of the text it is.
fn read_tree(text: &str, path: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    if let Some(group) = text.strip_prefix('{') {
        let mut at = 0;
        loop {
            at += group[at..].len() - group[at..].trim_start_matches([' ', '\n', ',']).len();
            if group[at..].is_empty() || group[at..].starts_with('}') {
                return at + 2;
            }
            let read = read_tree(&group[at..], path.clone(), found);
            if read == 0 {
                return at + 1;
            }
            at += read;
            // `X as Y`
            at += group[at..].find([',', '}']).unwrap_or(0);
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let end = end.unwrap_or(text.len());
    let mut path = path;
    path.push(text[..end].to_owned());
    if let Some(rest) = text[end..].strip_prefix("::")
        && !rest.starts_with('<')
    {
        return end + 2 + read_tree(rest, path, found);
    }
    found.push(path);
    end
}

/// The folder, or file, of `src` that a module is in.
fn place(module: &str) -> &str {
    module.split('/').next().unwrap_or(module)
}

#[test]
fn imports_are_read_with_their_groups() {
    let code = "use crate::{\n    a::{self, b::C, d as e},\n    f,\n};\nlet x = crate::g::h(crate::i::J::new());";
    let read: Vec<_> = paths(code, "crate::")
        .iter()
        .map(|p| p.join("::"))
        .collect();
    assert_eq!(
        read,
        ["a::self", "a::b::C", "a::d", "f", "g::h", "i::J::new"]
    );
}

#[test]
fn a_layer_knows_only_what_is_below_it() {
    let layer_of = |place: &str| LAYERS.iter().position(|layer| layer.contains(&place));
    let mut wrong = BTreeSet::new();
    // The front page passes everything on to games.
    for source in all().iter().filter(|it| it.module != "lib") {
        let place = place(&source.module);
        let layer = layer_of(place).unwrap_or_else(|| panic!("`{place}` is in no layer"));
        for path in paths(&source.code, "crate::") {
            let named = path[0].as_str();
            let is_below = layer_of(named).is_some_and(|below| below < layer);
            if named != place && !is_below {
                wrong.insert(format!("{} names {}", source.module, path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_area_knows_no_other_area() {
    for source in all() {
        let mut parts = source.module.split('/');
        let (Some("areas"), Some(area)) = (parts.next(), parts.next()) else {
            continue;
        };
        let absolute = paths(&source.code, "crate::areas::");
        for path in absolute
            .iter()
            .chain(&paths(&source.code, "super::super::"))
        {
            assert_eq!(path[0], area, "{} names {}", source.module, path.join("::"));
        }
    }
}

#[test]
fn no_two_files_of_a_folder_know_each_other() {
    for folder in TIDY {
        let sources: Vec<_> = all()
            .into_iter()
            .filter(|it| place(&it.module) == folder)
            .collect();
        let mut knows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for source in &sources {
            let own = source.module.as_str();
            let inside = format!("crate::{folder}::");
            let mut named = paths(&source.code, &inside);
            named.extend(paths(
                &source.code,
                if own == folder { "self::" } else { "super::" },
            ));
            let is_facade = |path: &[String]| {
                // What a folder passes on, it does not use.
                own == folder && re_exports(&source.code).contains(&path.join("::"))
            };
            for path in named.iter().filter(|path| !is_facade(path)) {
                if let Some(other) = file_of(&sources, folder, path).filter(|it| *it != own) {
                    knows.entry(own).or_default().insert(other);
                }
            }
        }
        if let Some(circle) = circle_in(&knows) {
            panic!("a circle in {folder}: {circle:?}\n{knows:#?}");
        }
    }
}

fn re_exports(code: &str) -> BTreeSet<String> {
    let statements = code.split(';').filter(|it| {
        let it = it.trim_start();
        it.starts_with("pub use")
            || it.starts_with("pub(crate) use")
            || it.contains("\npub use")
            || it.contains("\npub(crate) use")
    });
    let paths = statements.flat_map(|statement| paths(statement, "self::"));
    paths.map(|path| path.join("::")).collect()
}

/// The file that a path of a folder leads to: by its name, or by what it defines.
fn file_of<'a>(sources: &'a [Source], folder: &str, path: &[String]) -> Option<&'a str> {
    let by_name = sources
        .iter()
        .find(|it| it.module == format!("{folder}/{}", path[0]));
    let defines = |it: &&Source| {
        ["struct", "enum", "trait", "fn", "type", "const", "static"]
            .iter()
            .any(|kind| {
                let item = format!("{kind} {}", path[0]);
                it.code.match_indices(&item).any(|(at, _)| {
                    let end = it.code[at + item.len()..].chars().next();
                    let line = it.code[..at].rfind('\n').map_or(0, |line| line + 1);
                    !it.code[line..].starts_with(' ')
                        && end.is_none_or(|c| !c.is_alphanumeric() && c != '_')
                })
            })
    };
    by_name
        .or_else(|| sources.iter().find(defines))
        .map(|it| it.module.as_str())
}

fn circle_in<'a>(knows: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    fn walk<'a>(
        at: &'a str,
        way: &mut Vec<&'a str>,
        knows: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    ) -> Option<Vec<&'a str>> {
        if let Some(begin) = way.iter().position(|it| *it == at) {
            return Some(way[begin..].to_vec());
        }
        way.push(at);
        let found = knows
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|next| walk(next, way, knows));
        way.pop();
        found
    }
    knows.keys().find_map(|at| walk(at, &mut Vec::new(), knows))
}

#[test]
fn the_transport_knows_no_bevy() {
    for source in all().iter().filter(|it| place(&it.module) == "transport") {
        for crate_of_bevy in ["bevy_app", "bevy_ecs", "bevy_reflect", "bevy_time"] {
            assert!(!source.code.contains(crate_of_bevy), "{}", source.module);
        }
    }
}

#[test]
fn files_are_short() {
    let mut lengths = Vec::new();
    for source in all() {
        assert!(
            source.lines <= 600,
            "{}: {} lines",
            source.module,
            source.lines
        );
        lengths.push(source.lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 180, "the median file has {median} lines");
}

#[test]
fn the_panels_know_neither_the_world_nor_the_areas() {
    for (path, code) in sources("overlay/panels") {
        for named in paths(&code, "crate::") {
            assert!(
                ["connection", "overlay"].contains(&named[0].as_str()),
                "{} names {}",
                path.display(),
                named.join("::")
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

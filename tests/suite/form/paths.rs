//! Which modules a source names: the paths of its imports and of its code, each from the root of the crate.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Segments, from the root of the crate: `mirror`, `index`, `ContextIndex`.
pub(crate) type Segments = Vec<String>;

/// A file of `src`, as code: docs may name what code may not.
pub(crate) struct Source {
    /// Below `src`, without the ending: `mirror/index`, and `mirror` for `mirror/mod.rs`.
    pub(crate) module: String,
    /// Without comments, and without what only the file's own tests name.
    pub(crate) code: String,
    /// What it names, without what it passes on.
    pub(crate) names: Vec<Segments>,
    /// What it passes on (`pub use`), by the name that it gives it.
    pub(crate) passes_on: BTreeMap<String, Segments>,
    /// Imports of everything in a module of this crate.
    pub(crate) globs: Vec<Segments>,
}

impl Source {
    pub(crate) fn new(module: &str, code: &str) -> Self {
        let code = code.split("#[cfg(test)]\nmod tests {").next();
        let mut source = Self {
            module: module.to_owned(),
            code: code.unwrap_or_default().to_owned(),
            names: Vec::new(),
            passes_on: BTreeMap::new(),
            globs: Vec::new(),
        };
        source.read();
        source
    }

    /// The folder, or file, of `src` that it is in.
    pub(crate) fn place(&self) -> &str {
        self.module.split('/').next().unwrap_or(&self.module)
    }

    pub(crate) fn is_in(&self, folder: &str) -> bool {
        let rest = self.module.strip_prefix(folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn read(&mut self) {
        let code = self.code.clone();
        let inline = inline_modules(&code);
        let own = segments(&self.module);
        // What a path may begin with, besides `crate`, `self` and `super`: a module below, and what is imported.
        let mut known: BTreeMap<String, Segments> = BTreeMap::new();
        for (at, word) in words(&code) {
            if word == "mod" {
                let name = word_at(code[at + 3..].trim_start());
                known.insert(name.to_owned(), joined(&own, name));
            }
        }
        let mut in_code: Vec<(usize, &str)> = Vec::new();
        let mut read_up_to = 0;
        for (at, word) in words(&code) {
            if at < read_up_to {
                continue;
            }
            if word != "use" {
                in_code.push((at, word));
                continue;
            }
            let end = at + code[at..].find(';').unwrap_or(code.len() - at);
            read_up_to = end;
            let base = module_at(&own, &inline, at);
            let passes_on = code[..at].trim_end();
            let passes_on = passes_on.ends_with("pub") || passes_on.ends_with(')');
            for (path, name) in tree(&code[at + 3..end]) {
                let Some(path) = absolute(&base, &known, path) else {
                    continue;
                };
                if name == "*" {
                    self.globs.push(path);
                    continue;
                }
                known.insert(name.clone(), path.clone());
                if passes_on {
                    self.passes_on.insert(name, path);
                } else {
                    self.names.push(path);
                }
            }
        }
        for (at, _) in in_code {
            let before = code[..at].trim_end_matches('$');
            // In the middle of a path, or a visibility.
            let is_inside = before.ends_with("::") || before.ends_with("in ");
            let path = path_at(&code[at..]);
            if is_inside || path.len() < 2 {
                continue;
            }
            let base = module_at(&own, &inline, at);
            self.names.extend(absolute(&base, &known, path));
        }
    }
}

/// All sources, without those that only tests have.
pub(crate) fn all() -> Vec<Source> {
    let read = |(path, code): (PathBuf, String)| {
        let module = path.strip_prefix(root()).expect("below it");
        let module = module.with_extension("").display().to_string();
        let module = module.strip_suffix("/mod").unwrap_or(&module);
        (!module.ends_with("/tests")).then(|| Source::new(module, &code))
    };
    sources("").into_iter().filter_map(read).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a folder of `src`, and their code.
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

/// The file that a path leads to: past the facades that pass the name on.
pub(crate) fn file_of<'a>(sources: &'a [Source], path: &[String]) -> Option<&'a str> {
    let mut path = path.to_vec();
    // A name that is passed on in a circle is not a name.
    for _ in 0..8 {
        let longest = (1..=path.len()).rev().find_map(|len| {
            let module = path[..len].join("/");
            let source = sources.iter().find(|it| it.module == module)?;
            Some((len, source))
        });
        let (len, source) = longest?;
        let passed_on = path.get(len).and_then(|name| source.passes_on.get(name));
        let Some(target) = passed_on else {
            return Some(&source.module);
        };
        path = target.iter().chain(&path[len + 1..]).cloned().collect();
    }
    None
}

fn segments(module: &str) -> Segments {
    module.split('/').map(str::to_owned).collect()
}

fn joined(module: &[String], name: &str) -> Segments {
    let mut path = module.to_vec();
    path.push(name.to_owned());
    path
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word_at(text: &str) -> &str {
    &text[..text.find(|c| !is_of_word(c)).unwrap_or(text.len())]
}

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += code[at..].find(is_of_word)?;
        let word = word_at(&code[at..]);
        at += word.len();
        Some((at - word.len(), word))
    })
}

/// `a::b::C`, from the begin of a text.
fn path_at(text: &str) -> Segments {
    let mut path = vec![word_at(text).to_owned()];
    let mut at = path[0].len();
    while let Some(rest) = text[at..].strip_prefix("::") {
        let word = word_at(rest);
        if word.is_empty() {
            break;
        }
        path.push(word.to_owned());
        at += 2 + word.len();
    }
    path
}

/// The paths of an import, with the name that each has here. `*` is a name, too.
fn tree(text: &str) -> Vec<(Segments, String)> {
    fn read(text: &mut &str, path: &mut Segments, found: &mut Vec<(Segments, String)>) {
        *text = text.trim_start().trim_start_matches("::");
        if let Some(group) = text.strip_prefix('{') {
            *text = group.trim_start();
            while !text.is_empty() && !text.starts_with('}') {
                read(text, &mut path.clone(), found);
                *text = text.trim_start().trim_start_matches(',').trim_start();
            }
            *text = text.strip_prefix('}').unwrap_or(text);
            return;
        }
        if let Some(rest) = text.strip_prefix('*') {
            *text = rest;
            found.push((path.clone(), "*".to_owned()));
            return;
        }
        let word = word_at(text);
        *text = text[word.len()..].trim_start();
        if word.is_empty() {
            // Nothing that an import has: read on.
            let mut rest = text.chars();
            rest.next();
            *text = rest.as_str();
            return;
        }
        path.push(word.to_owned());
        if text.starts_with("::") {
            return read(text, path, found);
        }
        let mut name = match word {
            "self" if path.len() > 1 => path[path.len() - 2].clone(),
            word => word.to_owned(),
        };
        if let Some(rest) = text.strip_prefix("as ") {
            name = word_at(rest.trim_start()).to_owned();
            *text = &rest.trim_start()[name.len()..];
        }
        found.push((path.clone(), name));
    }
    let mut found = Vec::new();
    let mut text = text;
    read(&mut text, &mut Vec::new(), &mut found);
    found
}

/// From the root of the crate, or `None` for a path of another crate.
fn absolute(
    base: &[String],
    known: &BTreeMap<String, Segments>,
    path: Segments,
) -> Option<Segments> {
    let (first, _) = path.split_first()?;
    let (mut whole, rest) = match first.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" | "super" => (base.to_vec(), &path[..]),
        name => (known.get(name)?.clone(), &path[1..]),
    };
    for segment in rest {
        match segment.as_str() {
            "self" => {}
            "super" => {
                whole.pop();
            }
            name => whole.push(name.to_owned()),
        }
    }
    Some(whole)
}

/// Modules that are written out in a file: from where to where, and their names.
fn inline_modules(code: &str) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    for (at, word) in words(code) {
        let name = word_at(code[at + word.len()..].trim_start());
        let begin = at + code[at..].find(['{', ';']).unwrap_or(0);
        if word != "mod" || !code[begin..].starts_with('{') {
            continue;
        }
        let mut depth = 0;
        let end = code[begin..].find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        found.push((begin, begin + end.unwrap_or(0), name.to_owned()));
    }
    found
}

/// The module that a place of a file is in.
fn module_at(own: &[String], inline: &[(usize, usize, String)], at: usize) -> Segments {
    let mut module = own.to_vec();
    let around = inline
        .iter()
        .filter(|(begin, end, _)| (*begin..*end).contains(&at));
    module.extend(around.map(|(.., name)| name.clone()));
    module
}

#[test]
fn every_form_of_a_path_is_read() {
    let read = |module: &str, code: &str| {
        let source = Source::new(module, code);
        let names = source.names.iter().map(|path| path.join("::"));
        names.collect::<Vec<_>>().join(" ")
    };
    for (code, names) in [
        (
            "use crate::{\n    p::{self, q::C, d as e},\n    f,\n};",
            "p p::q::C p::d f",
        ),
        ("let x = crate::g::h(crate::i::J::new());", "g::h i::J::new"),
        ("use super::x::Y;", "a::x::Y"),
        ("use super::{super::x::Y, z::{self as w}};", "x::Y a::z"),
        ("use self::x::{Y, Z};", "a::b::x::Y a::b::x::Z"),
        ("fn f(it: super::super::x::Y) {}", "x::Y"),
        ("mod x;\nfn f() { x::y() }", "a::b::x::y"),
        ("use crate::p::q;\nfn f() { q::y() }", "p::q p::q::y"),
        ("use std::{error::Error, mem};\nmod error;", ""),
        ("use bevy_ecs::prelude::*;", ""),
        (
            "pub(crate) use self::x::Y;\npub use super::z::{W};\npub(super) use self::v::V;",
            "",
        ),
        ("mod inner {\n    use super::super::x::Y;\n}", "a::x::Y"),
        ("macro_rules! m { () => { $crate::p::Q } }", "p::Q"),
        ("pub(in crate::p) fn f() {}", ""),
        (
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::p::Q;\n}",
            "",
        ),
    ] {
        assert_eq!(read("a/b", code), names, "{code}");
    }
}

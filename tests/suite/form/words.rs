//! What the documentation reads like: plain English, tables that are tables, links that lead somewhere, and one quick start.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

const README: &str = include_str!("../../../README.md");
const FRONT_PAGE: &str = include_str!("../../../src/manual.md");
const MANIFEST: &str = include_str!("../../../Cargo.toml");

/// Everything with words in it: the sources, and the pages beside them.
pub(super) fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let names = [
        "src",
        "examples",
        "tests",
        "benches",
        "fuzz",
        "build.rs",
        "Cargo.toml",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    ];
    let mut paths: Vec<_> = names.map(|name| root.join(name)).into();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            if !["target", "corpus", "artifacts"]
                .iter()
                .any(|name| path.ends_with(name))
            {
                let entries = fs::read_dir(&path).expect("readable");
                paths.extend(entries.map(|entry| entry.expect("readable").path()));
            }
        } else if ["rs", "md", "toml"].map(Some).contains(&ending(&path)) {
            let text = fs::read_to_string(&path).expect("readable");
            let path = path.strip_prefix(root).expect("below the root").to_owned();
            files.push((path, text));
        }
    }
    files.sort();
    files
}

fn ending(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// Pages of Markdown: the `.md` files, and each comment of documentation in the sources, with the number of its first line.
fn pages() -> Vec<(PathBuf, usize, Vec<String>)> {
    let mut pages = Vec::new();
    for (path, text) in files() {
        match ending(&path) {
            Some("md") => pages.push((path, 1, text.lines().map(str::to_owned).collect())),
            Some("rs") => pages.extend(
                comments(&text)
                    .into_iter()
                    .map(|(line, page)| (path.clone(), line, page)),
            ),
            _ => {}
        }
    }
    assert!(pages.len() > 500, "only {} pages", pages.len());
    pages
}

/// Comments of documentation: runs of `//!` or of `///`.
fn comments(source: &str) -> Vec<(usize, Vec<String>)> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let mut kind = "";
    for (index, line) in source.lines().enumerate() {
        let line = line.trim_start();
        let now = ["//!", "///"]
            .into_iter()
            .find(|mark| line.starts_with(mark));
        let Some(mark) = now else {
            kind = "";
            continue;
        };
        if mark != kind {
            found.push((index + 1, Vec::new()));
            kind = mark;
        }
        if let Some((_, page)) = found.last_mut() {
            page.push(line[mark.len()..].to_owned());
        }
    }
    found
}

/// How many cells a row has. A bar behind a backslash is not a border.
fn cells(row: &str) -> usize {
    let row = row.trim().replace("\\|", "");
    row.trim_matches('|').split('|').count()
}

/// What is wrong with the tables of a page, with the line in the page.
fn faults(page: &[String]) -> Vec<(usize, &'static str)> {
    let mut faults = Vec::new();
    let mut in_code = false;
    let mut table: Vec<(usize, &str)> = Vec::new();
    // An empty line at the end closes the last table.
    for (index, line) in page.iter().map(|line| line.trim()).chain([""]).enumerate() {
        in_code ^= line.starts_with("```");
        if line.starts_with('|') && !in_code {
            table.push((index, line));
            continue;
        }
        if let [(start, head), rows @ ..] = table.as_slice() {
            let is_separator = |row: &str| {
                let cells = row.trim_matches('|').split('|').map(str::trim);
                row.contains('-')
                    && cells
                        .into_iter()
                        .all(|cell| cell.trim_matches(':').bytes().all(|byte| byte == b'-'))
            };
            match rows {
                [(_, separator), _, ..] if is_separator(separator) => {}
                [(_, separator)] if is_separator(separator) => {
                    faults.push((*start, "a table without rows"));
                }
                _ => faults.push((*start, "no `|---|` row under the head of the table")),
            }
            let ragged = rows.iter().find(|(_, row)| cells(row) != cells(head));
            faults.extend(ragged.map(|(line, _)| (*line, "more or fewer cells than the head")));
            let begins_empty =
                |row: &str| row.trim_start_matches('|').trim_start().starts_with('|');
            let nameless = table.iter().find(|(_, row)| begins_empty(row));
            faults.extend(nameless.map(|(line, _)| (*line, "an empty first cell")));
        }
        table.clear();
    }
    faults
}

#[test]
fn every_table_of_the_documentation_is_a_table() {
    let mut all = Vec::new();
    for (path, start, page) in pages() {
        for (line, fault) in faults(&page) {
            all.push(format!("{}:{}: {fault}", path.display(), start + line));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_broken_table_is_noticed() {
    let faults_of = |text: &str| {
        let page: Vec<_> = text.lines().map(str::to_owned).collect();
        faults(&page).len()
    };
    assert_eq!(faults_of("| a | b |\n|---|:-:|\n| 1 | `x \\| y` |"), 0);
    assert_eq!(faults_of("text\n| a | b |\n| 1 | 2 |"), 1);
    assert_eq!(faults_of("| a | b |\n|---|---|\n| 1 | 2 | 3 |"), 1);
    assert_eq!(faults_of("| a | b |\n|---|\n| 1 | 2 |"), 1);
    assert_eq!(faults_of("| | b |\n|---|---|\n| 1 | 2 |"), 1);
    assert_eq!(faults_of("| a | b |\n|---|---|\n| | 2 |"), 1);
    assert_eq!(faults_of("```\n| no | table\n```"), 0);
}

/// Where the links of a page lead, with the line in the page.
fn links(page: &[String]) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in page.iter().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        let targets = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        if !in_code {
            links.extend(targets.map(|(target, _)| (index, target)));
        }
    }
    links
}

/// The headings of a page, as links name them.
fn headings(page: &[String]) -> impl Iterator<Item = String> {
    let headings = page.iter().filter_map(|line| line.trim().strip_prefix('#'));
    headings.map(|line| {
        let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
        let line: String = line
            .trim_start_matches('#')
            .trim()
            .chars()
            .filter(kept)
            .collect();
        line.to_lowercase().replace(' ', "-")
    })
}

/// rustdoc resolves the links of the sources, but not what is behind a `#`. It does not see the other Markdown files.
#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all_headings: HashSet<_> = pages()
        .iter()
        .flat_map(|(.., page)| headings(page))
        .collect();
    let mut dead = Vec::new();
    for (path, start, page) in pages() {
        for (line, link) in links(&page) {
            let (target, heading) = link.split_once('#').unwrap_or((link, ""));
            // `#method.name` is a name that rustdoc makes.
            let is_heading =
                heading.is_empty() || heading.contains('.') || all_headings.contains(heading);
            let is_file = !path.starts_with("src")
                && ending(&path) == Some("md")
                && !target.is_empty()
                && !target.contains("::");
            let is_there = !is_file
                || path
                    .parent()
                    .is_some_and(|folder| root.join(folder).join(target).exists());
            if !(link.starts_with("http") || is_heading && is_there) {
                dead.push(format!("{}:{}: {link}", path.display(), start + line));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// The first block of Rust below a heading `Quick start`.
fn quick_start(page: &str) -> Vec<String> {
    let below = page
        .lines()
        .skip_while(|line| !line.ends_with("# Quick start"));
    let code = below.skip_while(|line| !line.contains("```rust") && !line.contains("```no_run"));
    let code = code.skip(1).take_while(|line| !line.contains("```"));
    code.map(str::to_owned).collect()
}

#[test]
fn there_is_one_quick_start() {
    let on_the_front_page = quick_start(FRONT_PAGE);
    assert!(on_the_front_page.len() > 20, "{on_the_front_page:?}");
    let in_the_readme = quick_start(README);
    for (line, pair) in in_the_readme.iter().zip(&on_the_front_page).enumerate() {
        assert_eq!(pair.0, pair.1, "line {}", line + 1);
    }
    assert_eq!(in_the_readme.len(), on_the_front_page.len());
}

#[test]
fn the_quick_start_is_short() {
    let code = quick_start(README);
    assert!(code.len() <= 90, "{} lines", code.len());
}

/// A game may despawn anything at any moment, so an example that you copy must not panic about it.
#[test]
fn no_example_of_the_documentation_unwraps() {
    for (path, start, page) in pages() {
        // Nobody copies from the comments of tests.
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        for (line, text) in page.iter().enumerate() {
            let is_careless = text.contains(".unwrap()") || text.contains(".expect(");
            assert!(!is_careless, "{}:{}: {text}", path.display(), start + line);
        }
    }
}

#[test]
fn no_address_of_a_repository_that_does_not_exist() {
    for (name, text) in [
        ("Cargo.toml", MANIFEST),
        ("README.md", README),
        ("src/manual.md", FRONT_PAGE),
    ] {
        assert!(!text.contains("github.com/bevy-nakama"), "{name}");
    }
}

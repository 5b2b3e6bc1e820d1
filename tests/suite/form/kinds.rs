//! The table of the documentation: every kind of envelope, what covers it, and where it was recorded.

use crate::common::transcripts::{Dir, scenarios};
use bevy_nakama::proto::Kind;

const TABLE: &str = include_str!("../../../src/envelope/kinds.md");

/// The cells of each row, without the head.
fn rows() -> Vec<Vec<&'static str>> {
    let lines = TABLE.lines().skip(2);
    lines
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect()
        })
        .collect()
}

#[test]
fn the_table_has_every_kind_of_the_protocol() {
    let in_table: Vec<_> = rows()
        .iter()
        .map(|row| (row[0].parse().expect("a number"), row[1]))
        .collect();
    let in_protocol: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| (kind.number(), kind.name()))
        .collect();
    assert_eq!(in_table, in_protocol);
}

#[test]
fn every_row_says_what_covers_the_kind() {
    for row in rows() {
        assert!(row[3].len() > 10, "{row:?}");
    }
}

#[test]
fn every_row_names_a_recording_with_that_kind_in_that_direction() {
    let recorded = scenarios("nakama-3.40");
    for row in rows() {
        let scenario = recorded.iter().find(|scenario| scenario.name == row[4]);
        let scenario = scenario.unwrap_or_else(|| panic!("no recording is called {}", row[4]));
        for direction in row[2].split(", ") {
            let is_there = scenario.lines.iter().any(|line| {
                let has_cid = line.json["cid"].is_string();
                line.kind.as_deref() == Some(row[1])
                    && match direction {
                        "request" | "sent" => line.dir == Dir::Send,
                        "answer" => line.dir == Dir::Recv && has_cid,
                        "pushed" => line.dir == Dir::Recv && !has_cid,
                        other => panic!("{other} is no direction"),
                    }
            });
            assert!(is_there, "{}: no {} in {}", row[1], direction, row[4]);
        }
    }
}

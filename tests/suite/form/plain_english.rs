//! Sentences that read like a translation, and sentences that call a person "one", are found by the turns that they use.
//!
//! In the documentation, *you* are the game developer, and *the local user* and *other members* are the players.

use std::iter;

use super::words::files;

/// Words that a sentence about a person called "one" begins with, or goes on with.
const BEFORE_ONE: &str = "^|after|and|as|because|before|but|for|how|if|lets|or|so|though|unless|until|what|when|where|whether|while|whom|why";
const AFTER_ONE: &str = "asks|can|cannot|could|did|does|gets|had|has|is|joins|knows|leaves|looks|makes|may|must|needs|plays|reads|sees|sends|should|uses|wants|was|will|would";

/// Turns that this crate does not use, and what to write.
///
/// A turn is a row of words. `a|b` stands for either, `!a` for any word but that, `^` for the beginning of a sentence or of a part of it.
/// A capital has to be one.
fn turns() -> Vec<(String, &'static str)> {
    let person = format!("{BEFORE_ONE} one {AFTER_ONE}");
    let turns = [
        (person.as_str(), "`you`, `the local user`, `another member`"),
        ("one's|oneself", "`your own`, `the local user`"),
        ("lets|whom one", "`you`, `the local user`"),
        (
            "that one can|cannot|may|must|should",
            "`you`, `the local user`",
        ),
        (
            "!there is|are|was|were no !longer|more|less|such|better|bigger|larger|later|older|other|sooner|worse",
            "`is not a …`",
        ),
        (
            "is|are|was|were none",
            "say what is missing: `no match is there`, `the server has no …`",
        ),
        ("^ Should the|a|an|it|they|there|you|somebody|one", "`If …`"),
        ("most|least|after so many", "`at most this many`"),
        ("to be had", "`is available`"),
        ("come|comes|came|coming about", "`begins`, `opens`, `works`"),
        ("bring|brings|bringing|brought about", "`causes`"),
        ("tell|tells|telling|told of", "`reports`"),
        ("throw|throws|thrown|threw out", "`kick`, `remove`"),
        ("be|been|is|are|was let in", "`accepted`"),
        (
            "nought|thereof|whereof|whither|hither",
            "a word of this century",
        ),
    ];
    turns
        .map(|(turn, instead)| (turn.to_owned(), instead))
        .into()
}

/// The words of a text with the numbers of their lines. `.` stands for any mark that ends a sentence or a part of it.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = vec![(1, ".")];
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let line = line.trim_start_matches(['/', '!', '#']).trim();
        if line.is_empty() {
            words.push((index + 1, "."));
        }
        let is_of_word = |letter: char| letter.is_alphanumeric() || "_'’".contains(letter);
        // A word, or what is between two.
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let of_word = is_of_word(first);
            let end = rest.find(|letter| is_of_word(letter) != of_word);
            let (piece, next) = rest.split_at(end.unwrap_or(rest.len()));
            if of_word {
                words.push((index + 1, piece.trim_matches('\'')));
            } else if piece.contains(|mark| !" `\"\\".contains(mark)) {
                words.push((index + 1, "."));
            }
            rest = next;
        }
    }
    words
}

/// The lines in which a text uses a turn.
fn uses(words: &[(usize, &str)], turn: &str) -> Vec<usize> {
    let fits = |wanted: &str, word: &str| {
        let (is_wanted, wanted) = match wanted.strip_prefix('!') {
            Some(unwanted) => (false, unwanted),
            None => (true, wanted),
        };
        let is_there = wanted.split('|').any(|wanted| match wanted {
            "^" => word == ".",
            _ if wanted.starts_with(char::is_uppercase) => wanted == word,
            _ => wanted.eq_ignore_ascii_case(word),
        });
        is_there == is_wanted && (is_wanted || word != ".")
    };
    let turn: Vec<&str> = turn.split(' ').collect();
    let found = words.windows(turn.len()).filter(|words| {
        let mut pairs = iter::zip(&turn, words.iter());
        pairs.all(|(wanted, (_, word))| fits(wanted, word))
    });
    found.map(|words| words[0].0).collect()
}

#[test]
fn the_documentation_is_in_plain_english() {
    let turns = turns();
    let mut found = Vec::new();
    for (path, text) in files() {
        if path.ends_with(file!()) {
            continue;
        }
        let words = words(&text);
        for (turn, instead) in &turns {
            for line in uses(&words, turn) {
                let text = text.lines().nth(line - 1).unwrap_or_default().trim();
                found.push(format!(
                    "{}:{line}: {text}\n    instead: {instead}",
                    path.display()
                ));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} places\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn a_person_called_one_is_noticed() {
    for text in [
        "whom one lets into a party",
        "If one is in it",
        "one's own status",
        "what one\n/// can see",
        "It works. One has to wait.",
        "the name that one may change",
        "of oneself",
        "the entity is no match",
        "Should the server not answer",
        "`None` if there is none",
        "at most so many",
    ] {
        let noticed = turns()
            .iter()
            .any(|(turn, _)| !uses(&words(text), turn).is_empty());
        assert!(noticed, "{text}");
    }
}

#[test]
fn one_is_also_a_number() {
    for text in [
        "one entity is enough",
        "the later one is the true one",
        "at least one has to hold",
        "that one stays",
        "one after the other",
        "there is no match",
        "it is no longer there",
        "let one = if one.is_some() { one } else { another };",
        "an empty one may follow",
    ] {
        for (turn, _) in turns() {
            assert_eq!(uses(&words(text), &turn), [0; 0], "{text}: {turn}");
        }
    }
}

//! Texts with wildcards.

/// Whether a text fits a pattern in which `any` stands for any text and `one` for any character.
pub(super) fn fits(text: &str, pattern: &str, any: char, one: char) -> bool {
    let [text, pattern] = [text, pattern].map(|text| text.chars().collect::<Vec<_>>());
    let (mut at, mut wanted) = (0, 0);
    // The last `any`, which is the only one worth another try: what stands after it, and where that was looked for.
    let mut retry = None;
    while at < text.len() {
        match pattern.get(wanted) {
            Some(c) if *c == any => {
                retry = Some((wanted + 1, at));
                wanted += 1;
            }
            Some(c) if *c == one || *c == text[at] => {
                at += 1;
                wanted += 1;
            }
            _ => match &mut retry {
                Some((after, start)) => {
                    *start += 1;
                    (wanted, at) = (*after, *start);
                }
                None => return false,
            },
        }
    }
    pattern[wanted..].iter().all(|c| *c == any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_patterns() {
        for (text, pattern, is_fit) in [
            ("knights", "knights", true),
            ("knights", "kni%", true),
            ("knights", "k_i%s", true),
            ("knights", "%ght", false),
            ("knights", "k%g%t%", true),
            ("knights", "kn", false),
            ("", "%%", true),
        ] {
            assert_eq!(fits(text, pattern, '%', '_'), is_fit, "{text} {pattern}");
        }
    }
}

//! Text from outside in messages: a file's name may hold anything, and a terminal obeys it.

use std::path::Path;

/// A path for people, in one line.
pub(crate) fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// The text with control characters written as Rust writes them: `\n`, `\u{1b}`.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || turns_text(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether it changes the direction of the text around it, or breaks the line (Unicode Standard Annex
/// 9, and LINE and PARAGRAPH SEPARATOR).
fn turns_text(character: char) -> bool {
    matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(shown(Path::new("a\nb\u{1b}[31m\u{9b}2J.jpg")), r"a\nb\u{1b}[31m\u{9b}2J.jpg");
        assert_eq!(escaped("gpj.\u{202e}exe"), r"gpj.\u{202e}exe");
        assert_eq!(escaped("写真 é 👩‍👧.jpg"), "写真 é 👩‍👧.jpg");
    }
}

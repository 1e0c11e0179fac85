//! What is told of an error.

use std::error::Error;

/// Text from elsewhere, fit for a message: in one line, with `instead` in the place of each secret,
/// at most `limit` characters long.
///
/// Whitespace and control characters become single spaces. An empty secret is none.
pub fn one_line<'a>(
    text: &str,
    secrets: impl IntoIterator<Item = &'a str>,
    instead: &str,
    limit: usize,
) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        line = line.replace(secret, instead);
    }
    if let Some((end, _)) = line.char_indices().nth(limit) {
        line.truncate(end);
    }
    line
}

/// The innermost cause: the one in words, where the errors around it only repeat the address.
pub fn last_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_short_line_without_secrets() {
        let text = "you sent\r\n\tBasic s3cret,\u{7} that is user:s3cret";
        let line = one_line(text, ["s3cret"], "[key]", 100);
        assert_eq!(line, "you sent Basic [key], that is user:[key]");
        assert_eq!(one_line("ééé", [], "", 2), "éé");
        assert_eq!(one_line("abc", [""], "[key]", 9), "abc");
        assert_eq!(one_line(" \n ", [], "", 9), "");
        // Cut after the secret is out: no part of it is left at the end.
        assert_eq!(one_line("x s3cret", ["s3cret"], "*", 3), "x *");
    }

    #[test]
    fn the_innermost_cause_is_told() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot send to https://example.com/?signature=1")]
        struct Outer(#[source] std::io::Error);
        let outer = Outer(std::io::Error::other("connection refused"));
        assert_eq!(last_cause(&outer), "connection refused");
        assert_eq!(last_cause(&std::io::Error::other("alone")), "alone");
    }
}

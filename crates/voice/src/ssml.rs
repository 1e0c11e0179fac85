/// A text as an SSML document (W3C SSML 1.1) of one `prosody` element, or none when neither rate
/// nor pitch is given. Rates are percentages of the voice's own, which Amazon Polly takes as Google
/// does; pitches are semitones.
pub(crate) fn document(text: &str, rate: Option<f64>, pitch_semitones: Option<f64>) -> String {
    let text = escape(text);
    let mut attributes = String::new();
    if let Some(rate) = rate {
        attributes.push_str(&format!(" rate=\"{}%\"", (rate * 100.0).round()));
    }
    if let Some(semitones) = pitch_semitones {
        attributes.push_str(&format!(" pitch=\"{semitones:+}st\""));
    }
    if attributes.is_empty() {
        return format!("<speak>{text}</speak>");
    }
    format!("<speak><prosody{attributes}>{text}</prosody></speak>")
}

/// A text so that it stands for itself in XML, in content as in attributes of either quote.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

/// Whether XML 1.0 can hold a character at all (production 2, `Char`).
pub(crate) fn is_speakable(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => !other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_xmls_own_characters_are_escaped() {
        assert_eq!(escape(r#"<b> & "c" 'd'"#), "&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;");
        assert_eq!(escape("&amp;"), "&amp;amp;");
        assert_eq!(escape("おめでとう！🎉"), "おめでとう！🎉");
    }

    #[test]
    fn a_document_names_only_what_is_asked() {
        assert_eq!(document("a", None, None), "<speak>a</speak>");
        assert_eq!(
            document("a<b", Some(1.08), Some(-1.5)),
            r#"<speak><prosody rate="108%" pitch="-1.5st">a&lt;b</prosody></speak>"#
        );
    }
}

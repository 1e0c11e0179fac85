//! The table of codes, and the page made from it.

use portrait_pipeline::lowlevel::errors_page;
use portrait_pipeline::{Code, Tier};
use portrait_test_support::repository_root;
use std::collections::HashSet;

#[test]
fn the_page_is_current() {
    let path = repository_root().join("docs/errors.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == errors_page(),
        "docs/errors.md is not current: \
         run `cargo run -p portrait-pipeline --example errors_page > docs/errors.md`"
    );
}

#[test]
fn codes_are_unique_words_in_capitals() {
    let mut seen = HashSet::new();
    for code in Code::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "{text} stands for two things");
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        assert!(text.split('_').all(is_word), "{text}");
        assert!(text.starts_with(|first: char| first.is_ascii_uppercase()), "{text}");
        assert_eq!(serde_json::to_value(code).unwrap(), text);
        let advice = code.user_action();
        assert!(!advice.is_empty() && !advice.contains(['\n', '|']), "{text}: {advice}");
        assert!(errors_page().contains(&format!("| `{text}` | {advice} |")), "{text}");
    }
}

#[test]
fn codes_that_clients_rely_on_keep_their_tiers() {
    for (text, tier) in [
        ("GPU_OOM", Tier::Critical),
        ("NO_PERSON_DETECTED", Tier::High),
        ("BIREFNET_TIMEOUT", Tier::High),
        ("LOW_CONFIDENCE", Tier::Medium),
    ] {
        let code = Code::ALL.iter().find(|code| code.as_str() == text);
        assert_eq!(code.map(|code| code.tier()), Some(tier), "{text}");
    }
}

#[test]
fn exit_codes_tell_the_tiers_apart() {
    let tiers = [Tier::Critical, Tier::High, Tier::Medium, Tier::Low];
    assert_eq!(tiers.map(Tier::exit_code), [11, 12, 13, 14]);
}

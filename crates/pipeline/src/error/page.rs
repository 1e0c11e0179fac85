//! The page of all codes.

use super::code::{Code, Tier};
use super::kind::Kind;
use std::fmt::Write;

/// What only the `portrait` command ends with; its tests compare.
const OF_THE_COMMAND: &str = "
## The command's own, of tier 2

| code | exit code | what to do |
|---|---|---|
| `FILE_ERROR` | 12 | Check the path, who may read or write there, and the free space |
| `FILE_EXISTS` | 12 | Choose another place with -o, or replace the file with --force |
| `FILE_IS_INPUT` | 12 | Choose another place with -o |
| `USAGE` | 2 | Correct the command; --help tells its options |
| `INTERRUPTED` | 130 | Give the command again when you want to |
";

/// The page `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Errors and warnings\n\n\
         This page is generated from the table in `crates/pipeline/src/error/code.rs` by\n\
         `cargo run -p portrait-pipeline --example errors_page > docs/errors.md`.\n\n\
         Codes are stable. Tiers 1 and 2 end a request; tiers 3 and 4 come as warnings beside a\n\
         result. The `portrait` command ends with the exit code of the tier; wrong usage of the\n\
         command itself ends with 2, an interrupt (Ctrl-C) with 130.\n\n\
         Each code has a kind, and each kind an HTTP status:\n\n| kind | HTTP status |\n|---|---|\n",
    );
    // Writing to a string does not fail.
    for kind in Kind::ALL {
        let _ = writeln!(page, "| {} | {} |", kind.words(), kind.http_status());
    }
    for tier in [Tier::Critical, Tier::High, Tier::Medium, Tier::Low] {
        let (number, meaning) = (tier as u8, tier.meaning());
        let is_error = matches!(tier, Tier::Critical | Tier::High);
        let exit =
            if is_error { format!(", exit code {}", tier.exit_code()) } else { String::new() };
        let _ = write!(
            page,
            "\n## Tier {number}, {meaning}{exit}\n\n\
             | code | what the person can do | kind | what the operator can do |\n|---|---|---|---|\n"
        );
        for code in Code::ALL.iter().filter(|code| code.tier() == tier) {
            let kind = if is_error { code.kind().words() } else { "warning" };
            let (person, operator) = (code.user_action(), code.operator_action());
            let _ = writeln!(page, "| `{code}` | {person} | {kind} | {operator} |");
        }
    }
    page.push_str(OF_THE_COMMAND);
    page
}

//! Patterns: Go's regular expressions, which are nearly Rust's.

use regex::{Regex, RegexBuilder};

/// Compiles a pattern; what it may use of memory is bounded.
///
/// # Errors
/// Why not, in the words of Go's `regexp` where the fault is one that it names.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| words(pattern, &error))
}

fn words(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let rest = |mark: char| pattern.rfind(mark).map_or(pattern, |at| &pattern[at..]);
    let go = |what: &str, part: &str| format!("error parsing regexp: {what}: `{part}`");
    match text.as_str() {
        t if t.contains("unclosed character class") => go("missing closing ]", rest('[')),
        t if t.contains("unclosed group") => go("missing closing )", pattern),
        t if t.contains("unopened group") => go("unexpected )", pattern),
        t if t.contains("repetition operator missing expression") => {
            let mark = pattern.find(['*', '+', '?']).map_or(pattern, |at| &pattern[at..at + 1]);
            go("missing argument to repetition operator", mark)
        }
        t if t.contains("look-around") => go("invalid or unsupported Perl syntax", "(?"),
        t if t.contains("backreferences") => go("invalid escape sequence", rest('\\')),
        _ => format!("error parsing regexp: {}", text.lines().last().unwrap_or_default().trim()),
    }
}

//! DNS labels, subdomains, qualified names: what is allowed, and the words of the refusal.

const QUALIFIED: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character \
     (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
     and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
     alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
     and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
     and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
     '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  \
     or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What is wrong with a DNS-1123 subdomain; empty: nothing.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    refuse(text, 253, "characters", text.split('.').all(is_label), SUBDOMAIN)
}
/// What is wrong with a DNS-1123 label; empty: nothing.
pub fn dns_label(text: &str) -> Vec<String> {
    refuse(text, 63, "characters", is_label(text), LABEL)
}
/// What is wrong with a DNS-1035 label, which may not start with a digit; empty: nothing.
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
    refuse(text, 63, "characters", starts && is_label(text), LABEL_1035)
}
/// What is wrong with a qualified name (label and annotation keys); empty: nothing.
pub fn qualified(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let name = match text.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                faults.extend(dns_subdomain(prefix).iter().map(|fault| format!("prefix part {fault}")));
            }
            name
        }
        _ => {
            let tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a qualified name {QUALIFIED} {tail}")];
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_word(name) {
        faults.push(format!("name part {QUALIFIED}"));
    }
    faults
}
/// What is wrong with a label value; empty: nothing.
pub fn label_value(text: &str) -> Vec<String> {
    refuse(text, 63, "bytes", text.is_empty() || is_word(text), LABEL_VALUE)
}
/// What is wrong with a key of a ConfigMap; empty: nothing.
pub fn config_key(text: &str) -> Vec<String> {
    let word = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let mut faults = refuse(text, 253, "characters", word, CONFIG_KEY);
    match text {
        "." => faults.push("must not be '.'".to_owned()),
        ".." => faults.push("must not be '..'".to_owned()),
        // A volume made of the map could climb out of its directory.
        _ if text.starts_with("..") => faults.push("must not start with '..'".to_owned()),
        _ => {}
    }
    faults
}

fn refuse(text: &str, limit: usize, unit: &str, fits: bool, why: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > limit {
        faults.push(format!("must be no more than {limit} {unit}"));
    }
    if !fits {
        faults.push(why.to_owned());
    }
    faults
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    framed(text, inner, |b| inner(b) || b == b'-')
}
/// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`
fn is_word(text: &str) -> bool {
    framed(
        text,
        |b| b.is_ascii_alphanumeric(),
        |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'),
    )
}
fn framed(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => edge(*only),
        [first, middle @ .., last] => edge(*first) && edge(*last) && middle.iter().all(|b| inner(*b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_pass() {
        assert!(dns_subdomain("a.b-c.0").is_empty());
        assert!(dns_label("a-0").is_empty());
        assert!(qualified("example.test/My_name.x").is_empty());
        assert!(label_value("").is_empty());
        assert!(config_key("a.B_c-d").is_empty());
    }

    #[test]
    fn bad_names_are_refused() {
        for bad in ["", "-a", "a-", "A", "a..b", "a_b", ".a"] {
            assert_eq!(dns_subdomain(bad), [SUBDOMAIN], "{bad:?}");
        }
        assert_eq!(dns_label("a.b"), [LABEL]);
        assert_eq!(dns_1035_label("1a"), [LABEL_1035]);
        assert_eq!(dns_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(qualified("/a"), ["prefix part must be non-empty"]);
        assert_eq!(
            qualified("a/"),
            ["name part must be non-empty".to_owned(), format!("name part {QUALIFIED}")]
        );
        assert_eq!(config_key(".."), ["must not be '..'"]);
    }
}

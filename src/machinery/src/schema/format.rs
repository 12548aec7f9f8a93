//! `format`: what a text must look like. Formats that Kubernetes does not know are let pass.

use base64::Engine;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Byte,
    Cidr,
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Mac,
    Uri,
    Uuid,
    LongName,
    ShortName,
}

const WORDS: [(&str, Format); 18] = [
    ("byte", Format::Byte),
    ("cidr", Format::Cidr),
    ("date", Format::Date),
    ("date-time", Format::DateTime),
    ("datetime", Format::DateTime),
    ("duration", Format::Duration),
    ("email", Format::Email),
    ("hostname", Format::Hostname),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("mac", Format::Mac),
    ("uri", Format::Uri),
    ("uuid", Format::Uuid),
    ("uuid3", Format::Uuid),
    ("uuid4", Format::Uuid),
    ("uuid5", Format::Uuid),
    ("k8s-long-name", Format::LongName),
    ("k8s-short-name", Format::ShortName),
];

impl Format {
    pub(super) fn parse(word: &str) -> Option<Format> {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, format)| *format)
    }
    pub(super) fn word(self) -> &'static str {
        WORDS.iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Format::Byte => base64::engine::general_purpose::STANDARD.decode(text).is_ok(),
            Format::Cidr => cidr(text),
            Format::Date => date(text),
            Format::DateTime => date_time(text),
            Format::Duration => duration(text),
            Format::Email => email(text),
            Format::Hostname => hostname(text),
            Format::Ipv4 => text.parse::<std::net::Ipv4Addr>().is_ok(),
            Format::Ipv6 => text.contains(':') && text.parse::<std::net::Ipv6Addr>().is_ok(),
            Format::Mac => mac(text),
            Format::Uri => uri(text),
            Format::Uuid => uuid(text),
            Format::LongName => crate::names::dns_subdomain(text).is_empty(),
            Format::ShortName => crate::names::dns_label(text).is_empty(),
        }
    }
}

fn cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let longest = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.bytes().all(|b| b.is_ascii_digit()) && length.parse::<u8>().is_ok_and(|length| length <= longest)
}

/// `2020-02-29`, and the day exists.
fn date(text: &str) -> bool {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    shape && text.parse::<jiff::civil::Date>().is_ok()
}

/// RFC 3339, in either case.
fn date_time(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some((day, rest)) = lower.split_once('t') else { return false };
    let (time, zone) = match rest.strip_suffix('z') {
        Some(time) => (time, true),
        None => match rest.rfind(['+', '-']) {
            Some(at) => (&rest[..at], clock(&rest[at + 1..], 2)),
            None => return false,
        },
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    date(day)
        && zone
        && clock(time, 3)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// So many pairs of digits between colons, each in its range.
fn clock(text: &str, pairs: usize) -> bool {
    let limits = ["23", "59", "60"];
    let found: Vec<&str> = text.split(':').collect();
    let pair = |p: &str| p.len() == 2 && p.bytes().all(|b| b.is_ascii_digit());
    found.len() == pairs && found.iter().zip(limits).all(|(p, limit)| pair(p) && *p <= limit)
}

/// `1h30m`, `1.5s`, `2 days`.
fn duration(text: &str) -> bool {
    const UNITS: [&str; 31] = [
        "ns",
        "nano",
        "nanos",
        "us",
        "µs",
        "micro",
        "micros",
        "microsecond",
        "microseconds",
        "ms",
        "milli",
        "millis",
        "millisecond",
        "milliseconds",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hr",
        "hour",
        "hours",
        "d",
        "day",
        "days",
    ];
    let mut rest = text.trim().trim_start_matches(['-', '+']);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..digits];
        let tail = rest[digits..].trim_start();
        let end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let unit = tail[..end].to_lowercase();
        let week = matches!(unit.as_str(), "w" | "week" | "weeks");
        if number.parse::<f64>().is_err() || !(week || UNITS.contains(&unit.as_str())) {
            return false;
        }
        rest = tail[end..].trim_start();
        parts += 1;
    }
    parts > 0
}

fn email(text: &str) -> bool {
    // `Name <a@b>` is an address too.
    let address = text.rsplit_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(text);
    let Some((local, host)) = address.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let local = quoted || (!local.is_empty() && local.chars().all(atom) && dots(local));
    local
        && !host.is_empty()
        && dots(host)
        && host.chars().all(|c| atom(c) || c == '[' || c == ']' || c == ':')
}

fn hostname(text: &str) -> bool {
    let host = text.strip_suffix('.').unwrap_or(text);
    let edge = |b: u8| b.is_ascii_alphanumeric();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().copied().is_some_and(edge) && bytes.last().copied().is_some_and(edge);
        ends && bytes.len() <= 63 && bytes.iter().all(|b| edge(*b) || *b == b'-')
    };
    !host.is_empty() && host.len() <= 255 && host.split('.').all(label)
}

fn mac(text: &str) -> bool {
    let separator = if text.contains('-') { '-' } else { ':' };
    let parts: Vec<&str> = text.split(separator).collect();
    let hex = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    matches!(parts.len(), 6 | 8 | 20) && parts.iter().all(hex)
}

/// What `url.ParseRequestURI` takes: an absolute path, or a scheme and something after it.
fn uri(text: &str) -> bool {
    if text.chars().any(|c| c.is_control()) {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !rest.is_empty()
        && !rest
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_start_matches("//")
            .split('/')
            .next()
            .unwrap_or_default()
            .contains(' ')
}

fn uuid(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| *c != '-').collect();
    let places = [8, 13, 18, 23];
    let dashes = text.match_indices('-').map(|(at, _)| at).collect::<Vec<_>>();
    bare.len() == 32 && bare.bytes().all(|b| b.is_ascii_hexdigit()) && (dashes.is_empty() || dashes == places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_tell_good_from_bad() {
        for (word, good, bad) in [
            ("byte", "AAEC", "not base64!"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/40"),
            ("date", "2020-02-29", "2020-02-31"),
            ("date-time", "2020-01-01T00:00:00.5+02:00", "2020-01-01 00:00"),
            ("date-time", "2020-01-01t00:00:00z", "2020-01-01T24:00:00Z"),
            ("duration", "1h30m", "soon"),
            ("duration", "2 days", "5"),
            ("email", "a.b@example.test", "nobody"),
            ("hostname", "a-b.example.test", "-bad-"),
            ("ipv4", "10.0.0.1", "300.0.0.1"),
            ("ipv6", "::1", "10.0.0.1"),
            ("mac", "00:11:22:aa:bb:cc", "00:11"),
            ("uri", "https://example.test/x?y", "::not a uri"),
            ("uuid", "11111111-2222-3333-4444-555555555555", "123"),
        ] {
            let format = Format::parse(word).expect(word);
            assert!(format.fits(good), "{word} {good}");
            assert!(!format.fits(bad), "{word} {bad}");
        }
        assert_eq!(Format::parse("telepathy"), None);
    }
}

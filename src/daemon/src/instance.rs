//! Which of the user's daemons is meant.

use std::fmt;

/// An instance: a suffix that keeps sockets, ports, directories and contexts of several daemons apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    suffix: String,
}

/// A suffix that can not name an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid instance {0:?}: use at most {max} lower-case letters, digits and inner dashes, as in \"2\" or \"my-test\"",
    max = Instance::LONGEST
)]
pub struct Error(pub String);

impl Instance {
    /// The suffix when nobody chose one.
    pub const DEFAULT: &str = "2";
    /// Characters a suffix may have.
    pub const LONGEST: usize = 32;

    /// An instance from its suffix, a DNS label.
    ///
    /// # Errors
    /// Empty, too long, or with other characters than a DNS label has.
    pub fn parse(suffix: &str) -> Result<Instance, Error> {
        let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let good = (1..=Instance::LONGEST).contains(&suffix.len())
            && suffix.bytes().all(label)
            && !suffix.starts_with('-')
            && !suffix.ends_with('-');
        if good { Ok(Instance { suffix: suffix.to_owned() }) } else { Err(Error(suffix.to_owned())) }
    }

    /// What was chosen, as in `RDD_INSTANCE`.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// The name of directories, the Docker context and the control plane in texts.
    pub fn name(&self) -> String {
        format!("rancher-desktop-{}", self.suffix)
    }

    /// A small number that tells instances apart: a numeric suffix of 1 to 99 is itself, any other is
    /// 100 + (the sum of its code points mod 100). Two words may share one.
    pub fn index(&self) -> u16 {
        match self.suffix.parse::<u16>() {
            Ok(n @ 1..=99) => n,
            _ => 100 + (self.suffix.chars().map(u32::from).sum::<u32>() % 100) as u16,
        }
    }

    /// The port its API listens on when that is free.
    pub fn port(&self) -> u16 {
        6443 + self.index()
    }
}

impl Default for Instance {
    fn default() -> Instance {
        Instance { suffix: Instance::DEFAULT.to_owned() }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_number_is_itself_and_of_a_word_its_sum() {
        let cases = [("1", 1), ("2", 2), ("99", 99), ("bats", 126), ("test", 148)];
        for (suffix, index) in cases {
            assert_eq!(Instance::parse(suffix).unwrap().index(), index, "{suffix}");
        }
        // Not 1..99, so a word like any other: '0' is 48, '1' 49, '9' 57.
        assert_eq!(Instance::parse("0").unwrap().index(), 148);
        assert_eq!(Instance::parse("100").unwrap().index(), 145);
        assert_eq!(Instance::parse("99999999").unwrap().index(), 156);
    }

    #[test]
    fn the_port_lies_above_that_of_a_real_cluster() {
        assert_eq!(Instance::default().port(), 6445);
    }

    #[test]
    fn a_suffix_is_a_dns_label_of_at_most_32_characters() {
        for good in ["2", "a", "my-test", "0a0", &"x".repeat(32)] {
            assert!(Instance::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "..", "ä", "a b", &"x".repeat(33)] {
            let error = Instance::parse(bad).unwrap_err();
            assert!(error.to_string().starts_with(&format!("invalid instance {bad:?}")), "{error}");
        }
    }

    #[test]
    fn the_name_carries_the_suffix() {
        assert_eq!(Instance::parse("bats").unwrap().name(), "rancher-desktop-bats");
    }
}

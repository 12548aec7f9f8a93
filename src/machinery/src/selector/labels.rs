//! Label selectors: `a=b,c!=d,e in (f,g),!h,i>3`.

use crate::{Cause, Failure, Object, names};
use serde_json::{Value, json};

/// A parsed label selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    /// Also holds for an object without the label.
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Labels {
    /// Parses `a=b,c!=d,e in (f,g),!h`.
    ///
    /// # Errors
    /// [`Failure::BadRequest`], in Kubernetes' words.
    pub fn parse(text: &str) -> Result<Labels, Failure> {
        let mut parser = Parser { rest: text };
        parser.terms().map(|terms| Labels { terms }).map_err(Failure::BadRequest)
    }
    /// Whether an object has these labels.
    pub fn matches(&self, object: &Object) -> bool {
        if self.terms.is_empty() {
            return true;
        }
        let labels = object.at(&["metadata", "labels"]);
        self.terms
            .iter()
            .all(|term| term.test.holds(labels.and_then(|l| l.get(&term.key)).and_then(Value::as_str)))
    }
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match self {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(words) => value.is_some_and(|v| words.iter().any(|w| w == v)),
            Test::NotIn(words) => value.is_none_or(|v| words.iter().all(|w| w != v)),
            Test::Above(limit) => number().is_some_and(|n| n > *limit),
            Test::Below(limit) => number().is_some_and(|n| n < *limit),
        }
    }
}

/// What the text consists of: words, and marks of one or two characters. The end is the empty mark.
#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Mark(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        let (Token::Word(text) | Token::Mark(text)) = self;
        text
    }
}

const END: Token<'static> = Token::Mark("");
const COMMA: Token<'static> = Token::Mark(",");
const CLOSE: Token<'static> = Token::Mark(")");

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Token<'a> {
        let special = |c: char| matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<');
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let text = self.rest.trim_start_matches(blank);
        let word = text.find(|c| special(c) || blank(c)).unwrap_or(text.len());
        let length = match text {
            _ if word > 0 => word,
            _ if text.starts_with("==") || text.starts_with("!=") => 2,
            "" => 0,
            _ => 1,
        };
        let (token, rest) = text.split_at(length);
        self.rest = rest;
        if word > 0 { Token::Word(token) } else { Token::Mark(token) }
    }
    fn peek(&self) -> Token<'a> {
        Parser { rest: self.rest }.next()
    }

    fn terms(&mut self) -> Result<Vec<Term>, String> {
        let mut terms = Vec::new();
        loop {
            match self.peek() {
                Token::Word(_) | Token::Mark("!") => {}
                END => return Ok(terms),
                other => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    ));
                }
            }
            terms.push(self.term().map_err(|why| format!("unable to parse requirement: {why}"))?);
            match (self.next(), self.peek()) {
                (END, _) => return Ok(terms),
                (COMMA, Token::Word(_) | Token::Mark("!")) => {}
                (COMMA, other) => {
                    return Err(format!("found '{}', expected: identifier after ','", other.text()));
                }
                (other, _) => {
                    return Err(format!("found '{}', expected: ',' or 'end of string'", other.text()));
                }
            }
        }
    }

    fn term(&mut self) -> Result<Term, String> {
        let mut first = self.next();
        let absent = first == Token::Mark("!");
        if absent {
            first = self.next();
        }
        let Token::Word(key) = first else {
            return Err(format!("found '{}', expected: identifier", first.text()));
        };
        refuse("<nil>", key, names::qualified(key))?;
        let test = match self.peek() {
            _ if absent => Test::Absent,
            END | COMMA => Test::Exists,
            _ => self.test(key)?,
        };
        Ok(Term { key: key.to_owned(), test })
    }

    fn test(&mut self, key: &str) -> Result<Test, String> {
        let operator = self.next();
        let test = match operator {
            Token::Word("in") => Test::In(self.set()?),
            Token::Word("notin") => Test::NotIn(self.set()?),
            Token::Mark("=" | "==") => Test::In(vec![self.exact()?]),
            Token::Mark("!=") => Test::NotIn(vec![self.exact()?]),
            Token::Mark(">") => Test::Above(self.integer()?),
            Token::Mark("<") => Test::Below(self.integer()?),
            other => return Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.text())),
        };
        if let Test::In(words) | Test::NotIn(words) = &test {
            if words.is_empty() {
                let why = "for 'in', 'notin' operators, values set can't be empty";
                return Err(told(&Cause::invalid("values", &json!([]), why)));
            }
            for (index, word) in words.iter().enumerate() {
                refuse(&format!("values[{index}][{key}]"), word, names::label_value(word))?;
            }
        }
        Ok(test)
    }

    fn exact(&mut self) -> Result<String, String> {
        match self.peek() {
            END | COMMA => Ok(String::new()),
            _ => match self.next() {
                Token::Word(word) => Ok(word.to_owned()),
                other => Err(format!("found '{}', expected: identifier", other.text())),
            },
        }
    }
    fn integer(&mut self) -> Result<i64, String> {
        let text = self.exact()?;
        let why = "for 'Gt', 'Lt' operators, the value must be an integer";
        text.parse().map_err(|_| told(&Cause::invalid("values[0]", &text.clone().into(), why)))
    }
    /// `(a,b)`; an empty place is the empty value: `(a,)`.
    fn set(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Mark("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        match self.peek() {
            CLOSE => {
                self.next();
                return Ok(Vec::new());
            }
            Token::Word(_) | COMMA => {}
            other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
        }
        let mut words = Vec::new();
        loop {
            let word = match self.peek() {
                Token::Word(word) => {
                    self.next();
                    word
                }
                COMMA | CLOSE => "",
                other => return Err(format!("found '{}', expected: ',', or identifier", other.text())),
            };
            words.push(word.to_owned());
            match self.next() {
                COMMA => {}
                CLOSE => break,
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
        words.sort();
        words.dedup();
        Ok(words)
    }
}

fn refuse(field: &str, value: &str, faults: Vec<String>) -> Result<(), String> {
    match faults.is_empty() {
        true => Ok(()),
        false => Err(told(&Cause::invalid(field, &value.into(), &faults.join("; ")))),
    }
}

fn told(cause: &Cause) -> String {
    format!("{}: {}", cause.field, cause.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: Value) -> Object {
        Object::from_value(json!({"metadata": {"labels": labels}})).expect("an object")
    }

    #[test]
    fn sets_may_have_empty_places() {
        let labels = Labels::parse("a in (,x)").expect("parses");
        assert!(labels.matches(&labelled(json!({"a": ""}))));
        assert!(labels.matches(&labelled(json!({"a": "x"}))));
        assert!(!labels.matches(&labelled(json!({}))));
    }

    #[test]
    fn words_that_are_operators_may_be_keys_and_values() {
        let labels = Labels::parse("in in (in,notin),notin!=in").expect("parses");
        assert!(labels.matches(&labelled(json!({"in": "notin"}))));
        assert!(!labels.matches(&labelled(json!({"in": "in", "notin": "in"}))));
    }

    #[test]
    fn bad_keys_values_and_numbers_are_refused() {
        for (text, words) in [
            (
                "a/b/c=1",
                "unable to parse requirement: <nil>: Invalid value: \"a/b/c\": a qualified name must",
            ),
            ("a=$", "unable to parse requirement: values[0][a]: Invalid value: \"$\": a valid label must"),
            ("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators"),
            (
                "a in ()",
                "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators",
            ),
            ("a,", "found '', expected: identifier after ','"),
        ] {
            let failure = Labels::parse(text).expect_err(text).to_string();
            assert!(failure.starts_with(words), "{text}: {failure}");
        }
    }
}

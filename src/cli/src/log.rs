//! What the user reads on stderr: log lines, and the texts that are said to him.
//!
//! Not on a terminal: `time="RFC3339" level=<l> msg="…" key=value…`, or one JSON object per line. On a terminal: the text alone, coloured
//! by level.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub(crate) enum Level {
    Fatal,
    Error,
    Warning,
    Info,
    Debug,
    Trace,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// What was chosen at the start of the process.
#[derive(Clone, Copy, Debug)]
struct Settings {
    level: Level,
    format: Format,
    terminal: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

impl Level {
    /// A level from its word.
    ///
    /// # Errors
    /// `not a valid log level: "x"`.
    pub(crate) fn parse(text: &str) -> Result<Level, String> {
        match text.to_ascii_lowercase().as_str() {
            "fatal" => Ok(Level::Fatal),
            "error" => Ok(Level::Error),
            "warn" | "warning" => Ok(Level::Warning),
            "info" => Ok(Level::Info),
            "debug" => Ok(Level::Debug),
            "trace" => Ok(Level::Trace),
            _ => Err(format!("not a valid log level: {text:?}")),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Level::Fatal => "fatal",
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Level::Fatal => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warning => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Level::Fatal | Level::Error => "31",
            Level::Warning => "33",
            Level::Info => "36",
            Level::Debug | Level::Trace => "90",
        }
    }
}

impl From<&tracing::Level> for Level {
    fn from(level: &tracing::Level) -> Level {
        match *level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::Trace,
        }
    }
}

/// Starts logging. The libraries below us speak from `warn` on, and as loudly as we do at `trace`.
pub(crate) fn init(level: Level, format: Format) {
    let settings = Settings { level, format, terminal: std::io::stderr().is_terminal() };
    let _ = SETTINGS.set(settings);
    let others =
        if level == Level::Trace { LevelFilter::DEBUG } else { LevelFilter::WARN.min(level.filter()) };
    let targets = Targets::new().with_default(others).with_target("rdd", level.filter());
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).event_format(Lines(settings));
    // Fails only when somebody set a subscriber before, and then theirs is the one to keep.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// Says something to the user: at every level but `error` and `fatal`.
pub(crate) fn say(text: &str) {
    let settings = settings();
    if settings.level >= Level::Warning {
        put(&render(settings, Level::Info, text, &[]));
    }
}

/// The last line of a command that failed.
pub(crate) fn fatal(text: &str) {
    put(&render(settings(), Level::Fatal, text, &[]));
}

/// The level that was chosen, for a child of ours; `None`: logging was not started.
pub(crate) fn chosen() -> Option<&'static str> {
    SETTINGS.get().map(|settings| settings.level.word())
}

fn settings() -> Settings {
    let default = || Settings {
        level: Level::Warning,
        format: Format::Text,
        terminal: std::io::stderr().is_terminal(),
    };
    SETTINGS.get().copied().unwrap_or_else(default)
}

/// Nobody may be reading: that is no reason to fail, so not `eprintln!`.
fn put(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn render(settings: Settings, level: Level, message: &str, fields: &[(String, String)]) -> String {
    let message = message.trim_end();
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    if settings.format == Format::Json {
        let mut object: serde_json::Map<_, _> =
            fields.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        object.insert("time".into(), time.into());
        object.insert("level".into(), level.word().into());
        object.insert("msg".into(), message.into());
        return serde_json::Value::Object(object).to_string();
    }
    let mut line = match (settings.terminal, level) {
        (false, _) => format!("time={time:?} level={} msg={message:?}", level.word()),
        (true, Level::Info) if fields.is_empty() => message.to_owned(),
        (true, Level::Fatal) => format!("\x1b[{}merror:\x1b[0m {message}", level.colour()),
        (true, _) => format!("\x1b[{}m{}\x1b[0m {message}", level.colour(), level.word()),
    };
    for (key, value) in fields {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+:".contains(c);
        let quoted = value.is_empty() || !value.chars().all(plain);
        let _ = if quoted { write!(line, " {key}={value:?}") } else { write!(line, " {key}={value}") };
    }
    line
}

/// One line per event.
struct Lines(Settings);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let mut seen = Fields::default();
        event.record(&mut seen);
        if let Some(scope) = context.event_scope() {
            let spans: Vec<_> = scope.from_root().map(|span| span.name()).collect();
            seen.fields.push(("span".to_owned(), spans.join(":")));
        }
        let level = Level::from(event.metadata().level());
        writeln!(writer, "{}", render(self.0, level, &seen.message, &seen.fields))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    fields: Vec<(String, String)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name().to_owned(), value));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(format: Format, terminal: bool) -> Settings {
        Settings { level: Level::Info, format, terminal }
    }

    #[test]
    fn a_line_in_a_pipe_has_time_level_message_and_fields() {
        let fields = [("a".to_owned(), "b c".to_owned()), ("n".to_owned(), "1".to_owned())];
        let line = render(settings(Format::Text, false), Level::Info, "say \"x\"", &fields);
        let (time, rest) = line.split_once(" level").unwrap();
        assert_eq!(rest, r#"=info msg="say \"x\"" a="b c" n=1"#);
        let time = time.strip_prefix("time=\"").and_then(|t| t.strip_suffix('"')).unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }

    #[test]
    fn a_text_on_a_terminal_is_the_text() {
        assert_eq!(render(settings(Format::Text, true), Level::Info, "hello", &[]), "hello");
    }

    #[test]
    fn a_line_can_be_json() {
        let line = render(settings(Format::Json, false), Level::Warning, "m", &[("k".into(), "v".into())]);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (value["level"].as_str(), value["msg"].as_str(), value["k"].as_str()),
            (Some("warning"), Some("m"), Some("v"))
        );
    }

    #[test]
    fn levels_have_the_words_of_the_sheet() {
        for word in ["fatal", "error", "warn", "warning", "info", "debug", "trace", "DEBUG"] {
            assert!(Level::parse(word).is_ok(), "{word}");
        }
        assert_eq!(Level::parse("x"), Err("not a valid log level: \"x\"".to_owned()));
    }
}

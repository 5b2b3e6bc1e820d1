//! Everything that is logged or shown, and a scanner for secrets in it.

use std::{
    fmt::{self, Write as _},
    sync::{LazyLock, Mutex},
    thread,
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use bevy::log::{
    tracing::{self, Subscriber, field::Field},
    tracing_subscriber::{
        Layer,
        layer::{Context, SubscriberExt as _},
        registry,
    },
};

/// A line that somebody could read.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) thread: String,
    pub(crate) source: String,
    pub(crate) text: String,
}

static LINES: LazyLock<Mutex<Vec<Line>>> = LazyLock::new(Mutex::default);

/// What was logged or shown until now.
pub(crate) fn lines() -> Vec<Line> {
    LINES.lock().expect("no logger panics").clone()
}

/// Something was shown.
pub(crate) fn show(source: &str, text: impl Into<String>) {
    let thread = thread::current().name().unwrap_or_default().to_owned();
    let (source, text) = (source.to_owned(), text.into());
    let line = Line {
        thread,
        source,
        text,
    };
    LINES.lock().expect("no logger panics").push(line);
}

struct Everything;

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        show(record.target(), record.args().to_string());
    }

    fn flush(&self) {}
}

impl<S: Subscriber> Layer<S> for Everything {
    fn on_event(&self, event: &tracing::Event, _: Context<S>) {
        let mut text = Text::default();
        event.record(&mut text);
        show(event.metadata().target(), text.0);
    }

    fn on_new_span(&self, span: &tracing::span::Attributes, _: &tracing::Id, _: Context<S>) {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        show(span.metadata().target(), text.0);
    }
}

#[derive(Default)]
struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

/// From now on, everything that is logged in this process is kept, of every crate and level, and every panic's message.
pub(crate) fn listen() {
    log::set_boxed_logger(Box::new(Everything)).expect("the only logger");
    log::set_max_level(log::LevelFilter::Trace);
    let subscriber = registry().with(Everything);
    tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        show("panic", panic.to_string());
        before(panic);
    }));
}

/// Every form in which a secret could be written.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms = vec![secret.to_owned()];
    // As text in JSON, and in `Debug`.
    let json = serde_json::to_string(secret).expect("a text");
    forms.push(json.trim_matches('"').to_owned());
    forms.push(secret.escape_debug().to_string());
    forms.push(secret.escape_default().to_string());
    forms.push(form_urlencoded::byte_serialize(bytes).collect());
    let percent = |keep: fn(&u8) -> bool| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            if keep(byte) {
                text.push(char::from(*byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        })
    };
    forms.push(percent(u8::is_ascii_alphanumeric));
    forms.push(percent(|_| false));
    let list = |each: fn(&u8) -> String, between: &str| {
        let all: Vec<_> = bytes.iter().map(each).collect();
        all.join(between)
    };
    forms.push(list(|byte| format!("{byte:02x}"), ""));
    forms.push(list(|byte| format!("{byte:02X}"), ""));
    forms.push(list(u8::to_string, ", "));
    forms.push(bytes.escape_ascii().to_string());
    // In base64, the same bytes look different by where they begin; what depends on the neighbours is left out.
    for before in 0..3 {
        let text = [&vec![0; before][..], bytes].concat();
        let (begin, end) = (before + before.min(1), text.len() * 8 / 6);
        for encoded in [
            BASE64_STANDARD_NO_PAD.encode(&text),
            BASE64_URL_SAFE_NO_PAD.encode(&text),
        ] {
            forms.push(encoded[begin..end].to_owned());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// Lines with a secret in them.
pub(crate) fn find<'a>(lines: &'a [Line], secrets: &[(&str, String)]) -> Vec<(String, &'a Line)> {
    let mut found = Vec::new();
    for (name, secret) in secrets {
        assert!(secret.len() >= 8, "{name} could be there by chance");
        for form in forms(secret) {
            let with_it = lines.iter().filter(|line| line.text.contains(&form));
            found.extend(with_it.map(|line| (format!("{name} as {form}"), line)));
        }
    }
    found
}

//! What a test notices, line by line.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
};

/// A list that observers and systems write to.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .push(line.into());
    }

    /// The oldest line.
    pub(crate) fn take_first(&self) -> Option<String> {
        let mut lines = self.0.lock().expect("no test panics while it writes");
        (!lines.is_empty()).then(|| lines.remove(0))
    }

    /// Everything since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no test panics while it writes"))
    }
}

/// Takes the warnings and errors of the crate that this thread has logged since it [listens](listen).
pub(crate) fn warnings() -> Vec<String> {
    WARNINGS.with_borrow_mut(std::mem::take)
}

/// From now on, [`warnings`] has them.
pub(crate) fn listen() {
    // Another test may have been first.
    let _ = log::set_logger(&Warnings);
    log::set_max_level(log::LevelFilter::Warn);
    warnings();
}

thread_local! {
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("bevy_nakama")
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            WARNINGS.with_borrow_mut(|lines| lines.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

//! What a test notices, line by line.

use std::sync::{Arc, Mutex};

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

//! Waking a game that sleeps between its frames.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a game gives to be woken with.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// Wakes the game, at most once before each of its frames. The game and its links share it.
#[derive(Clone, Default)]
pub(crate) struct Alarm(Arc<Inner>);

#[derive(Default)]
struct Inner {
    wake: RwLock<Option<Wake>>,
    /// Whether it rang since the last frame began.
    has_rung: AtomicBool,
}

impl Alarm {
    /// From now on the game is woken with this, or not at all.
    pub(crate) fn set(&self, wake: Option<Wake>) {
        *self.0.wake.write().unwrap_or_else(PoisonError::into_inner) = wake;
    }

    /// A frame begins. To be called before the game looks at what has arrived: what comes later rings again.
    pub(crate) fn begin_frame(&self) {
        self.0.has_rung.swap(false, Ordering::AcqRel);
    }

    /// There is something for the game's next frame. To be called after that something is where the game finds it.
    pub(crate) fn ring(&self) {
        if self.0.has_rung.swap(true, Ordering::AcqRel) {
            return;
        }
        // The lock is free again when the game's code runs.
        let given = self.0.wake.read().unwrap_or_else(PoisonError::into_inner);
        let wake = given.clone();
        drop(given);
        if let Some(wake) = wake {
            wake();
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").finish_non_exhaustive()
    }
}

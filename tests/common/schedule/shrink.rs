//! Makes a schedule that fails shorter.

use super::Step;

/// The shortest schedule that still fails, as far as it can be found by leaving steps out and by waiting for less.
pub(crate) fn shrink(schedule: &[Step], mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut best = schedule.to_vec();
    let mut size = best.len().div_ceil(2).max(1);
    // Large pieces first, then smaller ones, and single steps until none can go.
    loop {
        let mut has_shrunk = false;
        let mut start = 0;
        while start < best.len() {
            let end = (start + size).min(best.len());
            let mut fewer = best.clone();
            fewer.drain(start..end);
            if fails(&fewer) {
                best = fewer;
                has_shrunk = true;
            } else {
                start = end;
            }
        }
        if size == 1 && !has_shrunk {
            break;
        }
        size = size.div_ceil(2).max(1);
    }
    wait_less(best, fails)
}

fn wait_less(mut best: Vec<Step>, mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    for index in 0..best.len() {
        for millis in [100, 1_000, 5_000] {
            if matches!(best[index], Step::Wait(wait) if wait > millis) {
                let mut less = best.clone();
                less[index] = Step::Wait(millis);
                if fails(&less) {
                    best = less;
                    break;
                }
            }
        }
    }
    best
}

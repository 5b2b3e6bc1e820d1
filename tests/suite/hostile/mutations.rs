//! Damage to recorded frames, the same for the same seed.

use bytes::Bytes;

/// A source of damaged frames.
#[derive(Debug)]
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number below `limit` (`SplitMix64`).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit.max(1) as u64).unwrap_or_default()
    }

    /// One of these frames, damaged in one or two places.
    pub(crate) fn mutate(&mut self, frames: &[Bytes]) -> Vec<u8> {
        let mut frame = frames[self.below(frames.len())].to_vec();
        for _ in 0..=self.below(2) {
            self.damage(&mut frame, frames);
        }
        frame
    }

    fn damage(&mut self, frame: &mut Vec<u8>, frames: &[Bytes]) {
        let at = self.below(frame.len());
        let Some(byte) = frame.get_mut(at) else {
            return frame.push(0xff);
        };
        match self.below(8) {
            // Truncation.
            0 => frame.truncate(at),
            // A flipped bit.
            1 | 2 => *byte ^= 1 << self.below(8),
            // Any byte.
            3 => *byte = u8::try_from(self.below(256)).unwrap_or_default(),
            // A splice: it goes on as another frame does.
            4 => {
                let other = &frames[self.below(frames.len())];
                let from = self.below(other.len());
                frame.truncate(at);
                frame.extend_from_slice(&other[from..]);
            }
            // A length that lies: too long by a little, by a lot, or without an end.
            5 => {
                let lies: [&[u8]; 4] = [
                    &[byte.wrapping_add(1)],
                    &[0x7f],
                    &[0xff, 0xff, 0xff, 0xff, 0x0f],
                    &[0xff; 11],
                ];
                frame.splice(at..=at, lies[self.below(4)].iter().copied());
            }
            // Two stretches change places.
            6 => frame.rotate_left(at),
            // Something comes twice.
            _ => {
                let end = at + self.below(frame.len() - at);
                let again = frame[at..end].to_vec();
                frame.splice(at..at, again);
            }
        }
    }
}

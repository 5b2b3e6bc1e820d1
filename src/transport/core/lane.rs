//! A queue from whose middle something can be taken.

use std::collections::VecDeque;

/// A queue in which everything has a number, by which it can be replaced or taken out before its turn. A number is free
/// again when what had it is gone.
#[derive(Debug)]
pub(super) struct Lane<T> {
    /// The number of the first slot.
    first: u64,
    /// `None` was taken out. The first slot is never empty.
    slots: VecDeque<Option<T>>,
    len: usize,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            first: 0,
            slots: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Lane<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds something at the end, and returns its number.
    pub(super) fn push(&mut self, item: T) -> u64 {
        self.slots.push_back(Some(item));
        self.len += 1;
        self.first + self.slots.len() as u64 - 1
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.slots.front()?.as_ref()
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let item = self.slots.pop_front()??;
        self.first += 1;
        self.len -= 1;
        self.trim();
        Some(item)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let index = number.checked_sub(self.first)?;
        self.slots.get_mut(usize::try_from(index).ok()?)?.as_mut()
    }

    /// Takes out everything that meets a condition.
    pub(super) fn take_if(&mut self, mut is_meant: impl FnMut(&T) -> bool) -> Vec<T> {
        let slots = self.slots.iter_mut();
        let taken = slots.filter_map(|slot| slot.take_if(|item| is_meant(item)));
        let taken: Vec<_> = taken.collect();
        self.len -= taken.len();
        self.trim();
        taken
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    fn trim(&mut self) {
        while let Some(None) = self.slots.back() {
            self.slots.pop_back();
        }
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_whatever_is_taken_out() {
        let mut lane = Lane::default();
        let numbers: Vec<_> = ('a'..='e').map(|item| lane.push(item)).collect();
        assert_eq!(lane.take_if(|item| "acd".contains(*item)), ['a', 'c', 'd']);
        assert_eq!((lane.len(), lane.front()), (2, Some(&'b')));
        assert_eq!(lane.get_mut(numbers[0]), None);
        *lane.get_mut(numbers[4]).expect("it is there") = 'E';
        assert_eq!(
            (lane.pop(), lane.pop(), lane.pop()),
            (Some('b'), Some('E'), None)
        );
        let next = lane.push('f');
        assert_eq!(lane.get_mut(next), Some(&mut 'f'));
    }
}

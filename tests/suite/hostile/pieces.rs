//! Several frames in one input of the fuzzer: each with its length before it, in two bytes.

use bytes::Bytes;

/// Takes an input apart. The last frame may be shorter than it says.
pub(crate) fn frames(input: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let mut rest = input;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (frame, behind) = behind.split_at(length);
        frames.push(Bytes::copy_from_slice(frame));
        rest = behind;
    }
    frames
}

/// Puts frames together to one input.
#[allow(dead_code, reason = "the fuzz targets only take apart")]
pub(crate) fn join(frames: &[Bytes]) -> Vec<u8> {
    let mut input = Vec::new();
    for frame in frames {
        let length = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        input.extend_from_slice(&length.to_le_bytes());
        input.extend_from_slice(&frame[..length.into()]);
    }
    input
}

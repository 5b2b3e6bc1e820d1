//! Envelopes as frames: protobuf and proto JSON.

use std::{collections::HashSet, fmt, io};

use bytes::Bytes;
use serde::{
    Serialize as _,
    de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{
    Map, Number, Value,
    ser::{Formatter, Serializer},
};

use crate::proto::{self, Envelope, PartyLayout};

/// How a socket writes envelopes: `format` in the handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::local_server) enum Format {
    /// Text frames with proto JSON.
    Json,
    /// Binary frames with protobuf.
    Protobuf,
}

/// Reads a frame as a server of this generation does; `None` if it is malformed.
pub(super) fn decode(format: Format, layout: PartyLayout, frame: Bytes) -> Option<Envelope> {
    match format {
        Format::Protobuf => proto::decode(frame).ok(),
        Format::Json => {
            let ProtoJson(value) = serde_json::from_slice(&frame).ok()?;
            if layout == PartyLayout::Before3_28 && has_new_field(&value) {
                return None;
            }
            serde_json::from_value(value).ok()
        }
    }
}

/// Whether there is something in it that came with 3.28. Protobuf passes over unknown fields, proto JSON does not.
fn has_new_field(envelope: &Value) -> bool {
    let has = |value: &Value, names: &[&str]| names.iter().any(|name| value.get(name).is_some());
    let create = ["party_create", "partyCreate"].map(|name| &envelope[name]);
    has(envelope, &["party_update", "partyUpdate"])
        || create
            .iter()
            .any(|create| has(create, &["label", "hidden"]))
}

/// An envelope for any number of receivers, encoded at most once per format.
pub(super) struct Outgoing {
    envelope: Envelope,
    layout: PartyLayout,
    protobuf: Option<Bytes>,
    json: Option<Bytes>,
}

impl Outgoing {
    pub(super) fn new(envelope: Envelope, layout: PartyLayout) -> Self {
        Self {
            envelope,
            layout,
            protobuf: None,
            json: None,
        }
    }

    pub(super) fn frame(&mut self, format: Format) -> Bytes {
        let Self {
            envelope, layout, ..
        } = self;
        let frame = match format {
            Format::Protobuf => self
                .protobuf
                .get_or_insert_with(|| proto::encode(envelope, *layout)),
            Format::Json => self.json.get_or_insert_with(|| to_json(envelope)),
        };
        frame.clone()
    }
}

/// Writes whole numbers without a fraction.
struct WholeNumbers;

impl Formatter for WholeNumbers {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write!(writer, "{value}")
    }
}

fn to_json(envelope: &Envelope) -> Bytes {
    let mut json = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut json, WholeNumbers);
    match envelope.serialize(&mut serializer) {
        Ok(()) => json.into(),
        Err(error) => {
            log::error!("an envelope cannot be written as JSON: {error}");
            Bytes::new()
        }
    }
}

/// JSON as Go's proto JSON takes it, made ready for ours, which is stricter: fields that are `null` are left out, and numbers
/// like `2.0` or `1e3` are whole. A name that comes twice in an object is an error, as there.
struct ProtoJson(Value);

impl<'de> Deserialize<'de> for ProtoJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ProtoJsonVisitor).map(Self)
    }
}

struct ProtoJsonVisitor;

impl<'de> Visitor<'de> for ProtoJsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT_BELOW {
            #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
            return Ok((value as i64).into());
        }
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(ProtoJson(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut names = HashSet::new();
        let mut object = Map::new();
        while let Some((name, ProtoJson(value))) = entries.next_entry::<String, _>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a name comes twice"));
            }
            if !value.is_null() {
                object.insert(name, value);
            }
        }
        Ok(Value::Object(object))
    }
}

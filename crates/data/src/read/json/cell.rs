//! The values of a row, as far as they are kept, and how they are parsed.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Value;

/// The value of a key.
#[derive(Clone)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Cell>),
    /// Of a list.
    Object(Vec<(String, Cell)>),
    /// A list of a list, or an object elsewhere, which is not kept.
    Nested,
}

impl Cell {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Str(text),
            Self::Null | Self::List(_) | Self::Object(_) | Self::Nested => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
        }
    }
}

/// A visitor of any value, as a seed.
pub(super) struct Seed<V>(pub(super) V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Seed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<V::Value, D::Error> {
        json.deserialize_any(self.0)
    }
}

macro_rules! plain {
    ($($method:ident $type:ty => $value:expr;)*) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            Ok($value(value))
        }
    )*};
}

pub(super) use plain;

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    Row,
    List,
    Object,
}

pub(super) struct CellOf(pub(super) Depth);

impl<'de> Visitor<'de> for CellOf {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    plain! {
        visit_bool bool => Cell::Bool;
        visit_i64 i64 => Cell::Int;
        visit_u64 u64 => |value| i64::try_from(value).map_or(Cell::Float(value as f64), Cell::Int);
        visit_f64 f64 => Cell::Float;
        visit_string String => Cell::Text;
        visit_str &str => |text: &str| Cell::Text(text.to_owned());
    }

    fn visit_unit<E: de::Error>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        match self.0 {
            Depth::Row => {
                let mut items = Vec::new();
                while let Some(item) = list.next_element_seed(Seed(CellOf(Depth::List)))? {
                    items.push(item);
                }
                Ok(Cell::List(items))
            }
            Depth::List | Depth::Object => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Cell::Nested)
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell, A::Error> {
        match self.0 {
            Depth::List => {
                let mut fields = Vec::new();
                while let Some(key) = object.next_key::<String>()? {
                    let value = object.next_value_seed(Seed(CellOf(Depth::Object)))?;
                    fields.push((key, value));
                }
                Ok(Cell::Object(fields))
            }
            Depth::Row | Depth::Object => {
                while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Cell::Nested)
            }
        }
    }
}

//! Column types, with the names, the JSON and the printed form of Python's `datasets`: the same
//! JSON is read from the `huggingface` metadata of parquet files and written into our cache files.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value as Json, json};

use crate::list::list_type;
use crate::{DataError, Value};

/// The metadata key under which `datasets` keeps features in parquet and Arrow files.
pub(crate) const METADATA_KEY: &str = "huggingface";

/// Beside the features in our own files: the columns that are not among them.
const LEFT_OUT: &str = "left_out";

macro_rules! dtypes {
    ($($variant:ident, $name:literal, $arrow:expr;)*) => {
        /// The type of a plain value. `Display` gives the name that `datasets` uses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Dtype {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Dtype {
            /// The type's name in `datasets`: `string`, `int64`, `float32`, …
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The type of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    "large_string" => Some(Self::String),
                    "float" => Some(Self::Float32),
                    "double" => Some(Self::Float64),
                    _ => None,
                }
            }

            pub(crate) fn arrow(self) -> DataType {
                match self { $(Self::$variant => $arrow,)* }
            }

            pub(crate) fn from_arrow(data_type: &DataType) -> Option<Self> {
                $(if *data_type == $arrow { return Some(Self::$variant); })*
                None
            }
        }
    };
}

dtypes! {
    String, "string", DataType::Utf8;
    Bool, "bool", DataType::Boolean;
    Int8, "int8", DataType::Int8;
    Int16, "int16", DataType::Int16;
    Int32, "int32", DataType::Int32;
    Int64, "int64", DataType::Int64;
    UInt8, "uint8", DataType::UInt8;
    UInt16, "uint16", DataType::UInt16;
    UInt32, "uint32", DataType::UInt32;
    UInt64, "uint64", DataType::UInt64;
    Float32, "float32", DataType::Float32;
    Float64, "float64", DataType::Float64;
}

impl Dtype {
    /// Whether values are whole numbers.
    pub fn is_integer(self) -> bool {
        !matches!(
            self,
            Self::String | Self::Bool | Self::Float32 | Self::Float64
        )
    }

    /// Whether values are floating point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Integers that stand for classes; -1 stands for a label that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassLabel {
    /// The name of class `i` at index `i`.
    pub names: Vec<String>,
}

impl ClassLabel {
    /// Classes of these names, in this order.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
        }
    }

    /// How many classes there are.
    pub fn num_classes(&self) -> usize {
        self.names.len()
    }

    /// The name of class `id`.
    pub fn int2str(&self, id: i64) -> Option<&str> {
        let id = usize::try_from(id).ok()?;
        self.names.get(id).map(String::as_str)
    }

    /// The class of that name.
    pub fn str2int(&self, name: &str) -> Option<i64> {
        let id = self.names.iter().position(|n| n == name)?;
        i64::try_from(id).ok()
    }
}

/// The type of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Plain values.
    Value(Dtype),
    /// Classes, kept as integers.
    ClassLabel(ClassLabel),
    /// Lists of plain values or of classes.
    List(Box<Feature>),
}

impl Feature {
    /// A value as a person reads it: a class by its name, the items of a list with commas between; `None`
    /// where it is null.
    pub fn text(&self, value: Value<'_>) -> Option<String> {
        if value.is_null() {
            return None;
        }
        if let (Self::ClassLabel(classes), Some(id)) = (self, value.as_i64()) {
            return Some(match classes.int2str(id) {
                Some(name) => name.to_owned(),
                None => id.to_string(),
            });
        }
        if let (Self::List(item), Some(list)) = (self, value.as_list()) {
            let items = list
                .iter()
                .map(|value| item.text(value).unwrap_or_default());
            return Some(items.collect::<Vec<_>>().join(", "));
        }
        Some(match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        })
    }

    /// The type of the values as they are kept: `int64` for classes; none for lists.
    pub fn dtype(&self) -> Option<Dtype> {
        match self {
            Self::Value(dtype) => Some(*dtype),
            Self::ClassLabel(_) => Some(Dtype::Int64),
            Self::List(_) => None,
        }
    }

    /// The type of a list's items.
    pub fn item(&self) -> Option<&Self> {
        match self {
            Self::Value(_) | Self::ClassLabel(_) => None,
            Self::List(item) => Some(item),
        }
    }

    /// Whether a column holds words: lists of text.
    pub fn is_words(&self) -> bool {
        self.item() == Some(&Self::Value(Dtype::String))
    }

    pub(crate) fn is_float(&self) -> bool {
        self.dtype().is_some_and(Dtype::is_float)
    }

    pub(crate) fn arrow(&self) -> DataType {
        match self {
            Self::Value(dtype) => dtype.arrow(),
            Self::ClassLabel(_) => Dtype::Int64.arrow(),
            Self::List(item) => list_type(item.arrow()),
        }
    }

    /// The type of an Arrow column: of plain values, or of lists of them.
    pub(crate) fn from_arrow(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::List(item) => {
                let item = Dtype::from_arrow(item.data_type())?;
                Some(Self::List(Box::new(Self::Value(item))))
            }
            plain => Dtype::from_arrow(plain).map(Self::Value),
        }
    }

    /// This type of a file's column, or the one that its writer declared, where both keep the same.
    pub(crate) fn declared(self, declared: Option<&Self>) -> Self {
        match (self, declared) {
            (Self::Value(dtype), Some(Self::ClassLabel(label))) if dtype.is_integer() => {
                Self::ClassLabel(label.clone())
            }
            (Self::List(item), Some(Self::List(declared))) => {
                Self::List(Box::new(item.declared(Some(declared))))
            }
            (found, _) => found,
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Value(dtype) => json!({"dtype": dtype.name(), "_type": "Value"}),
            Self::ClassLabel(label) => json!({"names": label.names, "_type": "ClassLabel"}),
            Self::List(item) => json!({"feature": item.to_json(), "_type": "List"}),
        }
    }

    /// `None` for features that this crate has no type for (lists of lists, images).
    fn from_json(json: &Json) -> Option<Self> {
        let list_of = |item: &Json| match Self::from_json(item)? {
            Self::List(_) => None,
            item => Some(Self::List(Box::new(item))),
        };
        // As older versions of `datasets` wrote a list.
        if let Some([item]) = json.as_array().map(Vec::as_slice) {
            return list_of(item);
        }
        match json.get("_type")?.as_str()? {
            "Value" => Dtype::from_name(json.get("dtype")?.as_str()?).map(Self::Value),
            "ClassLabel" => {
                let names = json.get("names")?.as_array()?;
                let names: Option<Vec<&str>> = names.iter().map(Json::as_str).collect();
                names.map(|names| Self::ClassLabel(ClassLabel::new(names)))
            }
            "List" | "LargeList" | "Sequence" => list_of(json.get("feature")?),
            _ => None,
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(dtype) => write!(f, "Value('{dtype}')"),
            Self::ClassLabel(label) => {
                write!(f, "ClassLabel(names={})", PyList(&label.names))
            }
            Self::List(item) => write!(f, "List({item})"),
        }
    }
}

/// The columns of a dataset in order. `Display` is Python's `print(dataset.features)`.
#[derive(Clone, Debug, Default)]
pub struct Features {
    columns: Vec<(String, Feature)>,
    /// Where each name stands: data sets may have a hundred thousand columns.
    index: HashMap<String, usize>,
    /// Columns that the file has and that are not read, with their types: what to say to who asks for one.
    left_out: Vec<(String, String)>,
}

impl PartialEq for Features {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
    }
}

impl Eq for Features {}

impl Features {
    /// Columns in this order; a name that is there twice is an error.
    pub fn new(columns: impl IntoIterator<Item = (String, Feature)>) -> Result<Self, DataError> {
        let mut features = Self::default();
        for (name, feature) in columns {
            let place = features.columns.len();
            if features.index.insert(name.clone(), place).is_some() {
                return Err(DataError::DuplicateColumn { column: name });
            }
            features.columns.push((name, feature));
        }
        Ok(features)
    }

    pub(crate) fn with_left_out(mut self, left_out: Vec<(String, String)>) -> Self {
        self.left_out = left_out;
        self
    }

    /// The same columns, those of these names with values of that type. Lists stay lists.
    pub(crate) fn with_values(mut self, names: &[String], dtype: Dtype) -> Self {
        let named = self
            .columns
            .iter_mut()
            .filter(|(name, _)| names.contains(name));
        for (_, feature) in named.filter(|(_, feature)| !matches!(feature, Feature::List(_))) {
            *feature = Feature::Value(dtype);
        }
        self
    }

    /// The type of a column.
    pub fn get(&self, name: &str) -> Option<&Feature> {
        self.position(name).map(|i| &self.columns[i].1)
    }

    /// Column names in order.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Names and types in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Feature)> {
        self.columns.iter().map(|(name, f)| (name.as_str(), f))
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    pub(crate) fn require(&self, name: &str) -> Result<usize, DataError> {
        self.position(name).ok_or_else(|| {
            match self.left_out.iter().find(|(column, _)| column == name) {
                Some((column, dtype)) => DataError::left_out(column, dtype),
                None => DataError::no_column(name, self.names()),
            }
        })
    }

    pub(crate) fn at(&self, index: usize) -> (&str, &Feature) {
        let (name, feature) = &self.columns[index];
        (name, feature)
    }

    /// The Arrow schema, with the features themselves in its metadata.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .iter()
            .map(|(name, feature)| Field::new(name, feature.arrow(), true))
            .collect();
        let columns: Map<String, Json> = self
            .iter()
            .map(|(name, feature)| (name.to_owned(), feature.to_json()))
            .collect();
        let mut metadata = json!({"info": {"features": columns}});
        if !self.left_out.is_empty() {
            metadata[LEFT_OUT] = json!(self.left_out);
        }
        let metadata = metadata.to_string();
        Arc::new(Schema::new(fields).with_metadata([(METADATA_KEY.to_owned(), metadata)]))
    }

    /// Features from the `huggingface` metadata; `None` where it is not understood. Columns of
    /// types this crate lacks are left out.
    pub(crate) fn from_metadata(text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok()?;
        let columns = json.get("info")?.get("features")?.as_object()?;
        let left_out = json.get(LEFT_OUT).cloned().unwrap_or_default();
        let columns = Self::new(columns.iter().filter_map(|(name, feature)| {
            Feature::from_json(feature).map(|feature| (name.clone(), feature))
        }));
        let left_out = serde_json::from_value(left_out).unwrap_or_default();
        Some(columns.ok()?.with_left_out(left_out))
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, feature)) in self.columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {feature}", PyStr(name))?;
        }
        f.write_str("}")
    }
}

/// A string as Python's `repr` shows it.
pub(crate) struct PyStr<'a>(pub &'a str);

impl fmt::Display for PyStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') {
            '"'
        } else {
            '\''
        };
        write!(f, "{quote}")?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c == quote => write!(f, "\\{c}")?,
                c if u32::from(c) < 0x20 || c == '\x7f' => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        write!(f, "{quote}")
    }
}

/// A list of strings as Python's `repr` shows it.
pub(crate) struct PyList<'a, S>(pub &'a [S]);

impl<S: AsRef<str>> fmt::Display for PyList<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, item) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{}", PyStr(item.as_ref()))?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn sample() -> Features {
        Features::new([
            ("text".to_owned(), Feature::Value(Dtype::String)),
            (
                "label".to_owned(),
                Feature::ClassLabel(ClassLabel::new(["no", "it's"])),
            ),
            ("idx".to_owned(), Feature::Value(Dtype::Int32)),
            (
                "tags".to_owned(),
                Feature::List(Box::new(Feature::ClassLabel(ClassLabel::new(["O", "B-X"])))),
            ),
        ])
        .unwrap()
    }

    #[test]
    fn prints_as_python_does() {
        assert_eq!(
            sample().to_string(),
            "{'text': Value('string'), 'label': ClassLabel(names=['no', \"it's\"]), \
             'idx': Value('int32'), 'tags': List(ClassLabel(names=['O', 'B-X']))}"
        );
    }

    #[test]
    fn survives_the_metadata_round_trip() {
        let schema = sample().schema();
        let text = &schema.metadata()[METADATA_KEY];
        assert_eq!(Features::from_metadata(text).unwrap(), sample());
    }

    #[test]
    fn lists_are_read_as_every_version_of_datasets_writes_them() {
        let words = Feature::List(Box::new(Feature::Value(Dtype::String)));
        let item = json!({"dtype": "string", "_type": "Value"});
        for json in [
            json!({"feature": item, "_type": "List"}),
            json!({"feature": item, "length": -1, "_type": "Sequence"}),
            json!([item]),
        ] {
            assert_eq!(Feature::from_json(&json), Some(words.clone()), "{json}");
        }
        let deep = json!({"feature": [item], "_type": "List"});
        assert_eq!(Feature::from_json(&deep), None);
    }

    #[test]
    fn a_name_twice_is_refused() {
        let twice = ["a", "a"].map(|n| (n.to_owned(), Feature::Value(Dtype::Bool)));
        let message = Features::new(twice).unwrap_err().to_string();
        assert!(message.contains("already a column \"a\""), "{message}");
    }
}

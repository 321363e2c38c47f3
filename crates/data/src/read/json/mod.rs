//! JSON Lines, one object a line; and JSON: a list of objects (or of texts), on one line or many, or an
//! object that holds such a list in one of its fields.
//!
//! A key that a row lacks is null there. Whole numbers and fractions in one column make it `float64`;
//! numbers and text make it text. A list of plain values is a list; a list of objects is a list for each of
//! their keys, named as `datasets`' `flatten` names it (`spans.start`). Columns with other lists and with
//! objects are left out. Only values of columns that are wanted are kept while a row is parsed, and each key
//! is looked up once.

mod cell;
mod guess;
mod rows;
mod shape;
mod table;

pub(super) use guess::Guesses;
pub(super) use table::stream;

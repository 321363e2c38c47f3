//! A pickle, read as data: the instructions that tensors and plain containers need, and nothing of Python.
//!
//! A pickle is a program for a machine with a stack, which may call any function of any module. Here a
//! function is one of [`Global`]; any other is refused as soon as it is named. Values lie in one list and
//! refer to each other by their places, so that neither depth nor sharing costs anything.
//!
//! Source of the instructions: Python's `pickletools`.

use std::collections::BTreeMap;
use std::io::{self, Read};

use zip::result::ZipError;

use crate::Dtype;

/// A name longer than any real one has; a text of a pickle is copied where it names something.
const LONGEST_TEXT: usize = 4096;

/// Why a file can't be read.
pub(super) enum Fault {
    Io(io::Error),
    /// What is wrong with its bytes.
    Damaged(String),
    /// It asks for this, which isn't data.
    Refused(String),
}

impl Fault {
    pub(super) fn damaged(message: impl Into<String>) -> Self {
        Self::Damaged(message.into())
    }

    pub(super) fn big_endian() -> Self {
        Self::damaged("it was written on a machine whose numbers begin with the highest byte")
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ZipError> for Fault {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => Self::Io(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// The bytes of pickles, of which so many are read and no more.
pub(super) struct Input<R> {
    inner: R,
    taken: u64,
    most: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(inner: R, most: u64) -> Self {
        Self {
            inner,
            taken: 0,
            most,
        }
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    fn count(&mut self, bytes: u64) -> Result<(), Fault> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > self.most {
            return Err(Fault::Damaged(format!(
                "what it says of its tensors has more than {} bytes",
                self.most
            )));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.count(N as u64)?;
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Fault> {
        self.count(count)?;
        let mut bytes = vec![0; count as usize];
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self, count: u64) -> Result<Value, Fault> {
        let bytes = self.bytes(count)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text)),
            Err(_) => Err(Fault::damaged("a name in it is not UTF-8")),
        }
    }

    fn line(&mut self) -> Result<String, Fault> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                byte => line.push(byte),
            }
            if line.len() > LONGEST_TEXT {
                return Err(Fault::damaged("a name in it has no end"));
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

/// The place of a value.
pub(super) type Id = usize;

/// A value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A number that nothing here asks for: a fraction, or one beyond 64 bits.
    Number,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// The values that follow `storage` in a persistent id.
    Storage(Vec<Id>),
    /// The arguments that rebuild a tensor.
    Tensor(Vec<Id>),
}

/// What a pickle may name: what torch.save writes for tensors, and containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    Size,
    RebuildTensor,
    RebuildParameter,
    /// The class of a storage: its elements' type and their bytes.
    Storage(Dtype, u64),
}

impl Global {
    fn of(module: &str, name: &str) -> Result<Self, Fault> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", class) => match storage(class) {
                Some((dtype, bytes)) => Self::Storage(dtype, bytes),
                None => return Err(Fault::Refused(format!("{module}.{name}"))),
            },
            _ => return Err(Fault::Refused(format!("{module}.{name}"))),
        })
    }
}

fn storage(class: &str) -> Option<(Dtype, u64)> {
    let other = |name: &str| Dtype::Other(name.to_owned());
    Some(match class {
        "DoubleStorage" => (Dtype::F64, 8),
        "FloatStorage" => (Dtype::F32, 4),
        "HalfStorage" => (Dtype::F16, 2),
        "BFloat16Storage" => (Dtype::BF16, 2),
        "LongStorage" => (other("I64"), 8),
        "IntStorage" => (other("I32"), 4),
        "ShortStorage" => (other("I16"), 2),
        "CharStorage" => (other("I8"), 1),
        "ByteStorage" => (other("U8"), 1),
        "BoolStorage" => (other("BOOL"), 1),
        _ => return None,
    })
}

/// A pickle's values.
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads one pickle, up to its end.
    pub(super) fn read(input: &mut Input<impl Read>) -> Result<Self, Fault> {
        let mut machine = Machine::default();
        while machine.step(input)? {}
        let root = machine.pop()?;
        Ok(Self {
            values: machine.values,
            root,
        })
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(super) fn root(&self) -> &Value {
        self.value(self.root)
    }

    /// The number that the pickle is.
    pub(super) fn integer(&self) -> Option<i64> {
        match self.root() {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A text that may name something.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) if text.len() <= LONGEST_TEXT => Some(text),
            _ => None,
        }
    }

    /// What the dictionary that the pickle is has under a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Value> {
        let Value::Dict(entries) = self.root() else {
            return None;
        };
        let entry = entries.iter().find(|(id, _)| self.text(*id) == Some(key))?;
        Some(self.value(entry.1))
    }

    /// The texts of the list that the pickle is.
    pub(super) fn texts(&self) -> Result<Vec<String>, Fault> {
        let Value::List(items) = self.root() else {
            return Err(Fault::damaged("it has no list of storages"));
        };
        let texts = items.iter().map(|id| self.text(*id).map(ToOwned::to_owned));
        let texts: Option<_> = texts.collect();
        texts.ok_or_else(|| Fault::damaged("the name of a storage isn't a text"))
    }
}

#[derive(Default)]
struct Machine {
    values: Vec<Value>,
    stack: Vec<Id>,
    /// How high the stack was at each mark that is open.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Id>,
}

impl Machine {
    /// Does one instruction; false at the end.
    fn step(&mut self, input: &mut Input<impl Read>) -> Result<bool, Fault> {
        match input.byte()? {
            // PROTO, FRAME: nothing follows from them.
            0x80 => drop(input.byte()?),
            0x95 => drop(input.array::<8>()?),
            b'.' => return Ok(false),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.marked()?),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let value = i32::from_le_bytes(input.array()?);
                self.push(Value::Int(value.into()));
            }
            b'K' => {
                let value = input.byte()?;
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(input.array()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => {
                let count = input.byte()?;
                let bytes = input.bytes(count.into())?;
                self.push(integer(&bytes));
            }
            b'G' => {
                input.array::<8>()?;
                self.push(Value::Number);
            }
            // Text, of Python 2 and 3.
            b'X' | b'T' => {
                let count = u32::from_le_bytes(input.array()?);
                let text = input.text(count.into())?;
                self.push(text);
            }
            0x8c | b'U' => {
                let count = input.byte()?;
                let text = input.text(count.into())?;
                self.push(text);
            }
            0x8d => {
                let count = u64::from_le_bytes(input.array()?);
                let text = input.text(count)?;
                self.push(text);
            }
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let items = self.marked()?;
                self.push(Value::Tuple(items));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'l' => {
                let items = self.marked()?;
                self.push(Value::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.append(&items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let items = self.marked()?;
                self.push(Value::Dict(Vec::new()));
                self.set(&items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.marked()?;
                self.set(&items)?;
            }
            b'q' => {
                let place = input.byte()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(input.array()?);
                self.remember(place)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let place = input.byte()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(input.array()?);
                self.recall(place)?;
            }
            b'c' => {
                let (module, name) = (input.line()?, input.line()?);
                self.push(Value::Global(Global::of(&module, &name)?));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) =
                    (&self.values[module], &self.values[name])
                else {
                    return Err(Fault::damaged("it names something by what isn't a text"));
                };
                let global = Global::of(module, name)?;
                self.push(Value::Global(global));
            }
            b'Q' => self.persistent()?,
            b'R' => self.call()?,
            // Sets what a dictionary or a tensor has besides (`_metadata`): of no use here.
            b'b' => drop(self.pop()?),
            other => {
                return Err(Fault::Damaged(format!(
                    "its pickle has the instruction {other:#04x}, which tensors and plain containers don't need"
                )));
            }
        }
        Ok(true)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// The value on top, which may not lie below the last mark.
    fn pop(&mut self) -> Result<Id, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(Fault::damaged("its pickle takes a value that isn't there"));
        }
        self.stack
            .pop()
            .ok_or_else(|| Fault::damaged("its pickle takes a value that isn't there"))
    }

    /// The values above the last mark, which is closed.
    fn marked(&mut self) -> Result<Vec<Id>, Fault> {
        match self.marks.pop() {
            Some(floor) if floor <= self.stack.len() => Ok(self.stack.split_off(floor)),
            _ => Err(Fault::damaged(
                "its pickle ends a list that it didn't begin",
            )),
        }
    }

    fn top(&mut self) -> Result<&mut Value, Fault> {
        let top = self.stack.last().copied();
        top.and_then(|id| self.values.get_mut(id))
            .ok_or_else(|| Fault::damaged("its pickle changes a value that isn't there"))
    }

    fn tuple(&mut self, count: usize) -> Result<(), Fault> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn append(&mut self, new: &[Id]) -> Result<(), Fault> {
        match self.top()? {
            Value::List(items) => items.extend(new),
            _ => return Err(Fault::damaged("its pickle appends to what isn't a list")),
        }
        Ok(())
    }

    fn set(&mut self, new: &[Id]) -> Result<(), Fault> {
        let (pairs, rest) = new.as_chunks();
        match self.top()? {
            Value::Dict(entries) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            _ => return Err(Fault::damaged("its pickle sets entries of no dictionary")),
        }
        Ok(())
    }

    fn remember(&mut self, place: u32) -> Result<(), Fault> {
        let top = self.stack.last().copied();
        let id = top.ok_or_else(|| Fault::damaged("its pickle keeps a value that isn't there"))?;
        self.memo.insert(place, id);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), Fault> {
        let id = self.memo.get(&place).copied();
        let id = id.ok_or_else(|| Fault::damaged("its pickle asks for a value it didn't keep"))?;
        self.stack.push(id);
        Ok(())
    }

    /// What lies outside the pickle: a storage.
    fn persistent(&mut self) -> Result<(), Fault> {
        let id = self.pop()?;
        let Value::Tuple(items) = &self.values[id] else {
            return Err(Fault::damaged(
                "it refers to something that isn't a storage",
            ));
        };
        match items.as_slice() {
            [kind, rest @ ..] if self.values[*kind] == Value::Text("storage".to_owned()) => {
                // As many as torch.save writes; more would be copied for nothing.
                let rest = rest[..rest.len().min(5)].to_vec();
                self.push(Value::Storage(rest));
                Ok(())
            }
            _ => Err(Fault::damaged(
                "it refers to something that isn't a storage",
            )),
        }
    }

    fn call(&mut self) -> Result<(), Fault> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Tuple(arguments) = &self.values[arguments] else {
            return Err(Fault::damaged(
                "its pickle calls something without arguments",
            ));
        };
        let Value::Global(global) = &self.values[function] else {
            return Err(Fault::damaged("its pickle calls what isn't a function"));
        };
        let result = match (global, arguments.as_slice()) {
            (Global::OrderedDict, []) => Value::Dict(Vec::new()),
            (Global::Size, [tuple]) if matches!(self.values[*tuple], Value::Tuple(_)) => {
                self.stack.push(*tuple);
                return Ok(());
            }
            (Global::RebuildParameter, [tensor, ..])
                if matches!(self.values[*tensor], Value::Tensor(_)) =>
            {
                self.stack.push(*tensor);
                return Ok(());
            }
            (Global::RebuildTensor, [storage, offset, size, stride, ..]) => {
                Value::Tensor(vec![*storage, *offset, *size, *stride])
            }
            _ => {
                return Err(Fault::damaged(
                    "its pickle calls a function with what it doesn't take",
                ));
            }
        };
        self.push(result);
        Ok(())
    }
}

/// A number in two's complement, lowest byte first.
fn integer(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Number;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(all))
}

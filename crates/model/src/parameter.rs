//! The parameters of a model: their names and shapes, and the blocks that hold values and gradients.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use tunesmith_architecture::{Declaration, Role, Table};
use tunesmith_kernels::{BlockLayout, Blocks, Slot, Update, zeros};

use crate::words::{PartialTable, Words};

/// One tensor of a model under its Hugging Face name.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name in `model.safetensors`.
    pub name: String,
    /// `[out, in]` for a linear layer's weight, as PyTorch stores it.
    pub shape: Vec<usize>,
    /// The shape of what is on the device of it, and of its gradient and moments: another one for the table
    /// of a model that was loaded for some [`Words`].
    pub trained_shape: Vec<usize>,
    /// Whether a training leaves it as it is: it has no gradient and no moments.
    pub is_frozen: bool,
    slots: Vec<Slot>,
}

impl Parameter {
    /// Elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Elements that are on the device.
    pub fn trained_count(&self) -> usize {
        self.slots.iter().map(|slot| slot.count).sum()
    }

    /// Where its values lie among those of all parameters, and its gradient and moments among theirs: one
    /// place, or several where a device can't bind it whole, in the order of its elements.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

/// All parameters of a model.
#[derive(Debug)]
pub struct Parameters {
    all: Vec<Parameter>,
    device: Device,
    pub(crate) values: Blocks,
    gradients: Option<Blocks>,
    /// Where only a part of the word table is here.
    pub(crate) table: Option<PartialTable>,
    words_are_frozen: bool,
}

impl Parameters {
    /// Room for what was declared, zeros so far, with the slots of each declaration. What a device can't
    /// bind is to be refused before.
    pub(crate) fn new(
        declarations: &[Declaration],
        table: Option<(&Table, PartialTable)>,
        max_bytes: Option<u64>,
        device: &Device,
    ) -> (Self, Vec<Vec<Slot>>) {
        let trained = trained(declarations, table.as_ref());
        let words = declarations.iter().find(|one| one.by_rows);
        let words_are_frozen = words.is_some_and(|one| one.role == Role::Frozen);
        let pieces: Vec<Vec<usize>> = trained
            .iter()
            .map(|one| one.pieces(max_bytes).unwrap_or_else(|| vec![one.count()]))
            .collect();
        let tensors: Vec<_> = declarations
            .iter()
            .zip(&pieces)
            .flat_map(|(one, pieces)| pieces.iter().map(|count| (*count, update(one.role))))
            .collect();
        let (layout, laid) = BlockLayout::new(&tensors, max_bytes);
        let mut laid = laid.into_iter();
        let slots = pieces
            .iter()
            .map(|pieces| laid.by_ref().take(pieces.len()).collect());
        let slots: Vec<Vec<Slot>> = slots.collect();
        let mut all = Vec::new();
        for ((declaration, trained), slots) in declarations.iter().zip(&trained).zip(&slots) {
            let mut offset = 0;
            for (whole, part) in declaration.parts.iter().zip(&trained.parts) {
                all.push(Parameter {
                    name: part.name.clone(),
                    shape: whole.shape.clone(),
                    trained_shape: part.shape.clone(),
                    is_frozen: declaration.role == Role::Frozen,
                    slots: match slots.as_slice() {
                        [slot] => vec![slot.part(offset, part.count())],
                        pieces => pieces.to_vec(),
                    },
                });
                offset += part.count();
            }
        }
        let parameters = Self {
            all,
            device: device.clone(),
            values: Blocks::zeros(&layout, device),
            gradients: None,
            table: table.map(|(_, table)| table),
            words_are_frozen,
        };
        (parameters, slots)
    }

    /// Every parameter, layer by layer.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.all.iter()
    }

    /// Those that are trained.
    pub fn trained(&self) -> impl Iterator<Item = &Parameter> {
        self.all.iter().filter(|parameter| !parameter.is_frozen)
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.all.iter().find(|parameter| parameter.name == name)
    }

    /// The ids of the words that are trained, in the order of their rows; none where all of the vocabulary is.
    pub fn trained_words(&self) -> Option<&[u32]> {
        self.table.as_ref().map(PartialTable::trained)
    }

    /// What weight decay has made of the words that aren't trained, as a share of what they were.
    pub fn untrained_decay(&self) -> f64 {
        self.table.as_ref().map_or(1.0, PartialTable::decay)
    }

    /// Multiplies the words that aren't trained by what a step's weight decay leaves of them, unless all of them are
    /// frozen.
    pub fn decay_untrained(&mut self, kept: f64) {
        let has_decay = kept != 1.0 && !self.words_are_frozen;
        if let Some(table) = self.table.as_mut().filter(|_| has_decay) {
            table.decay_by(kept);
        }
    }

    /// Says what weight decay had made of the words that aren't trained when a checkpoint was written.
    pub fn set_untrained_decay(&mut self, decay: f64) {
        if let Some(table) = self.table.as_mut().filter(|_| !self.words_are_frozen) {
            table.set_decay(decay);
        }
    }

    /// A parameter's value, flat, `[trained_count]` in all: its pieces one after the other. Read it before the
    /// next step changes it in place.
    pub fn value(&self, parameter: &Parameter) -> Vec<Tensor<1>> {
        tensors(&self.values, parameter)
    }

    /// A parameter's gradient, flat, `[trained_count]` in all: its pieces one after the other, zeros where no
    /// backward pass has run or the parameter is frozen. Read it before the next one.
    pub fn gradient(&self, parameter: &Parameter) -> Vec<Tensor<1>> {
        match &self.gradients {
            Some(gradients) if !parameter.is_frozen => tensors(gradients, parameter),
            _ => vec![zeros([parameter.trained_count()], &self.device)],
        }
    }

    /// What an optimizer's state has of a parameter that is trained, flat, `[trained_count]` in all: its pieces one after the other.
    pub fn state(&self, state: &Blocks, parameter: &Parameter) -> Vec<Tensor<1>> {
        tensors(state, parameter)
    }

    /// Writes the state that belongs to a parameter; as many `values` as it has trained elements.
    pub fn set_state(&self, state: &mut Blocks, parameter: &Parameter, values: &[f32]) {
        write(state, parameter, values, &self.device);
    }

    /// Writes a parameter's value; as many `values` as it has elements.
    pub fn set(&mut self, parameter: &Parameter, values: &[f32]) {
        let set = self.read(parameter, |range| Ok(values[range].to_vec()));
        set.unwrap_or_else(|never: std::convert::Infallible| match never {});
    }

    /// The same of what `read` gives by ranges of its elements, one after the other.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn read<E>(
        &mut self,
        parameter: &Parameter,
        mut read: impl FnMut(Range<usize>) -> Result<Vec<f32>, E>,
    ) -> Result<(), E> {
        match &mut self.table {
            Some(table) if parameter.shape != parameter.trained_shape => {
                let values = table.pick(read)?;
                let trained = table.set_others(&values, &self.device);
                write(&mut self.values, parameter, trained, &self.device);
            }
            _ => {
                let values = read(0..parameter.count())?;
                write(&mut self.values, parameter, &values, &self.device);
            }
        }
        Ok(())
    }

    /// Zeros in the layout of the parameters that are trained: a moment of an optimizer.
    pub fn zeros(&self) -> Blocks {
        Blocks::zeros(&self.values.layout().trained(), &self.device)
    }

    /// Values and gradients, for a backward pass or an optimizer to change.
    pub fn values_and_gradients(&mut self) -> (&mut Blocks, &mut Blocks) {
        let (layout, device) = (self.values.layout(), &self.device);
        let gradients = self
            .gradients
            .get_or_insert_with(|| Blocks::zeros(&layout.trained(), device));
        (&mut self.values, gradients)
    }

    /// The words that are on the device: what a model must be loaded with to have the same parameters.
    pub fn words(&self) -> Words {
        match &self.table {
            None => Words::All,
            Some(table) => table.words(),
        }
    }

    /// All blocks of values: of what is trained, and of words that aren't. With these, one replica of a model
    /// becomes another's equal.
    pub fn all_values(&mut self) -> Vec<&mut Blocks> {
        let others = self.table.as_mut().and_then(PartialTable::others_mut);
        std::iter::once(&mut self.values).chain(others).collect()
    }

    /// Takes the values over from parameters of the same declarations that lie elsewhere.
    pub(crate) fn take_values(&mut self, declarations: &[Declaration], other: Self) {
        let mut parameters = self.all.iter().zip(&other.all);
        for declaration in declarations {
            // A copy starts where a binding can: at a declaration's first tensor, not at every one.
            let parts = parameters.by_ref().take(declaration.parts.len());
            let [to, from] = parts.fold([const { Vec::new() }; 2], |[to, from], (own, other)| {
                [joined(to, &own.slots), joined(from, &other.slots)]
            });
            for (to, from) in to.into_iter().zip(from) {
                self.values.copy(to, &other.values, from);
            }
        }
        self.table = other.table;
    }

    /// Forgets all gradients.
    pub(crate) fn zero_grad(&mut self) {
        self.gradients = None;
    }
}

/// The declarations of what is trained: of the word table, some rows.
fn trained(
    declarations: &[Declaration],
    table: Option<&(&Table, PartialTable)>,
) -> Vec<Declaration> {
    let mut trained = declarations.to_vec();
    if let Some((whole, table)) = table {
        let key = whole.declaration();
        let words = trained.iter_mut().find(|one| one.key() == key.key());
        if let Some(part) = words.and_then(|words| words.parts.first_mut()) {
            part.shape = vec![table.trained().len(), whole.width];
        }
    }
    trained
}

/// Slots with those that follow, as one where they lie next to each other.
fn joined(mut slots: Vec<Slot>, more: &[Slot]) -> Vec<Slot> {
    for slot in more {
        match slots.last_mut() {
            Some(last) if (last.block, last.offset + last.count) == (slot.block, slot.offset) => {
                last.count += slot.count;
            }
            _ => slots.push(*slot),
        }
    }
    slots
}

fn update(role: Role) -> Update {
    match role {
        Role::Decayed => Update::Decayed,
        Role::Undecayed => Update::Undecayed,
        Role::Frozen => Update::None,
    }
}

fn tensors(blocks: &Blocks, parameter: &Parameter) -> Vec<Tensor<1>> {
    let slots = parameter.slots.iter();
    slots.map(|slot| blocks.tensor(*slot)).collect()
}

fn write(blocks: &mut Blocks, parameter: &Parameter, mut values: &[f32], device: &Device) {
    for slot in &parameter.slots {
        let (piece, rest) = values.split_at(slot.count);
        blocks.write(*slot, piece, device);
        values = rest;
    }
}

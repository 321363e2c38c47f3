//! A page has one device.

use tunesmith_collective::Collective;
use tunesmith_data::Batch;
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::Model;
use tunesmith_protocol::{DeviceInfo, TrainingArguments};

use super::{Greeting, Inferred, MicroBatch};
use crate::{AdamW, ParamGroup, TrainError};

/// There are none.
pub enum Replicas {}

impl Replicas {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn in_threads(_: Vec<ComputeDevice>) -> Result<Self, TrainError> {
        Err(TrainError::Arguments("a page has one device".to_owned()))
    }

    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn over(_: Box<dyn Collective>, _: &Greeting) -> Result<Self, TrainError> {
        Err(TrainError::Arguments("a page has one device".to_owned()))
    }

    pub(crate) fn size(&self) -> usize {
        match *self {}
    }

    pub(crate) fn devices(&self) -> &[DeviceInfo] {
        match *self {}
    }

    pub(crate) async fn set_model(&self, _: &mut Model) -> Result<(), TrainError> {
        match *self {}
    }

    pub(crate) async fn set_optimizer(
        &self,
        _: &mut AdamW,
        _: &TrainingArguments,
        _: Option<&[ParamGroup]>,
    ) -> Result<(), TrainError> {
        match *self {}
    }

    pub(crate) fn step(
        &self,
        _: f64,
        _: Option<f32>,
        _: Vec<Vec<MicroBatch>>,
    ) -> Result<(), TrainError> {
        match *self {}
    }

    pub(crate) fn tell_whether_finite(&self, _: bool) -> Result<(), TrainError> {
        match *self {}
    }

    pub(crate) async fn reduce(&self, _: &mut Model) -> Result<f64, TrainError> {
        match *self {}
    }

    pub(crate) fn infer(&self, _: &[Batch], _: bool) -> Result<(), TrainError> {
        match *self {}
    }

    pub(crate) fn inferred(&self) -> Result<Vec<Inferred>, TrainError> {
        match *self {}
    }
}

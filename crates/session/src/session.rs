//! The stream: a future that does the work, and a queue of what it has to tell.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use tunesmith::kernels::is_out_of_memory;
use tunesmith::train::TrainError;
use tunesmith_collective::Collective;
use tunesmith_protocol::{Event, Record, ResumeFrom, RunConfig, RunView, Sequencer};

use crate::device::{device_failure, exhaust_devices};
use crate::drive::drive;
use crate::{SessionError, Steering};

type Work = Pin<Box<dyn Future<Output = Result<(), SessionError>>>>;

/// A run. Pull it with [`Session::next`] until that gives `None`.
///
/// Where the device is lost, the run goes on from its last checkpoint on a new one, once for each
/// checkpoint; a warning tells it, and a run-started event follows.
///
/// It must be pulled on the thread that it was made on: one thread owns a device.
pub struct Session {
    config: RunConfig,
    work: Option<Work>,
    shared: Rc<Shared>,
    sequencer: Sequencer,
    /// Steps are taken: a run that is stopped before has nothing to end, and is dropped.
    begun: bool,
    is_among_ranks: bool,
    error: Option<SessionError>,
}

/// What the work and its session pass to each other.
#[derive(Default)]
pub(crate) struct Shared {
    events: RefCell<VecDeque<Event>>,
    /// The last checkpoint that was told and not gone on from.
    checkpoint: RefCell<Option<String>>,
    /// Each batch is computed in so many parts; 0 for whole ones.
    pub(crate) parts: Cell<usize>,
    /// The other processes of this training, until it begins.
    pub(crate) ranks: RefCell<Option<Box<dyn Collective>>>,
    pub(crate) steering: Steering,
    /// What the checkpoint lacked of the layer that gives the answer, until that is told.
    pub(crate) new_parameters: RefCell<Vec<String>>,
    /// What a screen has seen of the run, for its report.
    pub(crate) view: RefCell<RunView>,
}

impl Shared {
    /// Tells an event; the session hands it out when the work next waits.
    pub(crate) fn tell(&self, event: Event) {
        if let Event::Checkpoint { path, .. } = &event {
            self.checkpoint.replace(Some(path.clone()));
        }
        self.view.borrow_mut().take(&event);
        self.events.borrow_mut().push_back(event);
    }

    /// Tells an event and lets the session hand it out before anything else is done.
    pub(crate) async fn emit(&self, event: Event) {
        self.tell(event);
        let mut told = false;
        poll_fn(|_| {
            if std::mem::replace(&mut told, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Does `work`, and passes on what it tells as it comes.
    pub(crate) async fn passing_on<T>(
        &self,
        work: impl Future<Output = T>,
        tell: &mut dyn FnMut(Event),
    ) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            loop {
                let polled = work.as_mut().poll(context);
                let mut told = false;
                while let Some(event) = self.pop() {
                    tell(event);
                    told = true;
                }
                // Work that told something waits for nothing else.
                if polled.is_ready() || !told {
                    return polled;
                }
            }
        })
        .await
    }

    fn pop(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }
}

impl Session {
    /// A run that does what `config` says, once it is pulled.
    #[must_use]
    pub fn new(config: RunConfig) -> Self {
        let shared = Rc::new(Shared::default());
        let work = Box::pin(drive(config.clone(), Rc::clone(&shared)));
        Self {
            config,
            work: Some(work),
            shared,
            sequencer: Sequencer::default(),
            begun: false,
            is_among_ranks: false,
            error: None,
        }
    }

    /// The same as rank 0 of several processes; the others [`join`](crate::join).
    #[must_use]
    pub fn among(config: RunConfig, ranks: Box<dyn Collective>) -> Self {
        let mut session = Self::new(config);
        session.is_among_ranks = true;
        session.shared.ranks.replace(Some(ranks));
        session
    }

    /// What the run is paused and stopped with, by any thread.
    #[must_use]
    pub fn steering(&self) -> Steering {
        self.shared.steering.clone()
    }

    /// Works until there is something to tell. The last record is a done, failed or device-lost
    /// event; `None` comes after it. While the run is paused, it waits.
    pub async fn next(&mut self) -> Option<Record> {
        poll_fn(|context| {
            loop {
                if let Some(event) = self.shared.pop() {
                    self.begun |= matches!(event, Event::RunStarted(_));
                    return Poll::Ready(Some(self.sequencer.record(event)));
                }
                let Some(work) = &mut self.work else {
                    return Poll::Ready(None);
                };
                let (paused, stopped) = self.shared.steering.look(context.waker());
                if stopped && !self.begun {
                    // What it waits for ends with it.
                    self.work = None;
                    self.shared.tell(Event::Failed {
                        message: "stopped before the first step".to_owned(),
                    });
                    continue;
                }
                if paused {
                    return Poll::Pending;
                }
                match work.as_mut().poll(context) {
                    Poll::Ready(result) => {
                        self.work = None;
                        if let Err(error) = result {
                            self.go_on_or_end(error);
                        }
                    }
                    Poll::Pending if self.shared.events.borrow().is_empty() => {
                        return Poll::Pending;
                    }
                    Poll::Pending => {}
                }
            }
        })
        .await
    }

    fn go_on_or_end(&mut self, error: SessionError) {
        let event = failure(&error);
        let checkpoint = self.shared.checkpoint.take();
        let reason = device_failure().unwrap_or_else(|| match &error {
            SessionError::Train(TrainError::Device { message, .. }) => message.clone(),
            _ => error.to_string(),
        });
        // Other processes can't be started again.
        let is_lost = matches!(event, Event::DeviceLost { .. }) && !self.is_among_ranks;
        if is_lost && is_out_of_memory(&reason) && self.takes_less(checkpoint.as_deref()) {
            return;
        }
        let checkpoint = checkpoint.filter(|_| !self.config.training.save_only_model);
        let (true, Some(checkpoint)) = (is_lost, checkpoint) else {
            self.error = Some(error);
            self.shared.tell(event);
            return;
        };
        self.shared.tell(Event::Warning {
            message: format!(
                "the device was lost ({reason}): the run goes on from {checkpoint} on a new one"
            ),
        });
        self.start_again(Some(checkpoint));
    }

    /// Starts the work again, from a checkpoint or as it was told at first.
    fn start_again(&mut self, checkpoint: Option<String>) {
        let mut config = self.config.clone();
        if let Some(checkpoint) = checkpoint {
            // By name: the folder may hold later checkpoints of an earlier run.
            config.training.resume_from_checkpoint = ResumeFrom::Checkpoint(checkpoint);
        }
        self.work = Some(Box::pin(drive(config, Rc::clone(&self.shared))));
    }

    /// With `auto_find_batch_size`, goes on from the checkpoint, or from the beginning, with batches in twice as many
    /// parts; says whether that is possible.
    fn takes_less(&mut self, checkpoint: Option<&str>) -> bool {
        let training = &self.config.training;
        let rows = training.per_device_train_batch_size;
        let parts = self.shared.parts.get().max(1);
        if !training.auto_find_batch_size || parts >= rows {
            return false;
        }
        let parts = (2 * parts).min(rows);
        // What it could not allocate spoils all that came after.
        exhaust_devices();
        self.shared.parts.set(parts);
        let from = checkpoint.unwrap_or("the beginning");
        let message = format!(
            "the device had no memory for a batch of {rows} rows: the run goes on from {from} on a new one, with batches \
             computed in parts of {}; a step has as many rows as before",
            rows.div_ceil(parts)
        );
        self.shared.tell(Event::Warning { message });
        self.start_again(checkpoint.map(str::to_owned));
        true
    }

    /// Why the run ended, after a failed or device-lost event.
    #[must_use]
    pub fn error(&self) -> Option<&SessionError> {
        self.error.as_ref()
    }
}

fn failure(error: &SessionError) -> Event {
    let message = error.to_string();
    match error {
        SessionError::Train(TrainError::Device { .. }) => Event::DeviceLost { message },
        // Whatever goes wrong once a device is gone is the device's.
        _ => match device_failure() {
            Some(reason) => Event::DeviceLost {
                message: format!("{reason}; then: {message}"),
            },
            None => Event::Failed { message },
        },
    }
}

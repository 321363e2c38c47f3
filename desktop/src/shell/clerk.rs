//! What is asked apart from training, each on a thread of its own: it reads files or the network, and
//! never touches a device.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use pollster::block_on;
use tunesmith_desktop::{Answer, Ask, Checkpoint, DevicePick, Fit, Kind};
use tunesmith_protocol::{AdapterInfo, DeviceKind, Event, OnnxDtype, RunConfig, without_dashes};
use tunesmith_session as session;

use super::{Line, builtin, files};

/// Answers one ask.
pub fn serve(ask: Ask, ticket: u64, home: &Path, line: Line) {
    let home = home.to_owned();
    thread::spawn(move || {
        let refused = refusal(&ask);
        let progress = line.clone();
        let mut tell = |event: Event| progress.tell(ticket, Answer::Progress(event));
        let answer = catch_unwind(AssertUnwindSafe(|| answer(ask, home, &mut tell)));
        match answer {
            Ok(Some(answer)) => line.tell(ticket, answer),
            Ok(None) => {}
            Err(panic) => line.tell(ticket, refused(panicked(&*panic))),
        }
    });
}

fn answer(ask: Ask, home: PathBuf, tell: &mut dyn FnMut(Event)) -> Option<Answer> {
    Some(match ask {
        Ask::Adapters => Answer::Adapters(block_on(session::adapter_infos())),
        Ask::BuiltinData(which) => {
            Answer::Data(builtin::data(&home, which).map_err(|error| format!("{error:#}")))
        }
        Ask::BuiltinModel => {
            Answer::Model(builtin::model(&home).map_err(|error| format!("{error:#}")))
        }
        Ask::Inspect(config) => {
            let found = block_on(session::inspect(config, tell));
            Answer::Inspected(found.map(Box::new).map_err(|error| plain(&error)))
        }
        Ask::Estimate(config, device) => Answer::Estimated(fit(config, &device, tell)),
        Ask::FetchModel { name, revision } => {
            let folder = block_on(session::fetch_model(&name, revision.as_deref(), tell));
            Answer::Model(
                folder
                    .map_err(|error| plain(&error))
                    .and_then(|folder| checked(&folder)),
            )
        }
        Ask::CheckModel(folder) => Answer::Model(checked(Path::new(&folder))),
        Ask::Cached(Kind::Model) => Answer::Cached(Kind::Model, session::cached_models()),
        Ask::Cached(Kind::Dataset) => Answer::Cached(Kind::Dataset, session::cached_datasets()),
        Ask::Search(kind, text) => {
            let found = match kind {
                Kind::Model => session::search_models(&text),
                Kind::Dataset => session::search_datasets(&text),
            };
            Answer::Searched(kind, found.map_err(|error| plain(&error)))
        }
        Ask::Runs => Answer::Runs(session::saved_runs(&files::runs(&home))),
        Ask::OpenFolder(folder) => {
            let opened = open::that(&folder).map(|()| String::new());
            Answer::Did(opened.map_err(|error| format!("no file manager opens {folder}: {error}")))
        }
        Ask::Onnx(model) => {
            let dtypes = [OnnxDtype::Fp32, OnnxDtype::Q8];
            let written = session::export_onnx(Path::new(&model), &dtypes);
            let said = written.map(|files| {
                let names = files.iter().filter_map(|path| path.file_name());
                let names: Vec<_> = names.map(|name| name.display().to_string()).collect();
                format!(
                    "{} are in the model's folder, under onnx.",
                    names.join(" and ")
                )
            });
            Answer::Did(said.map_err(|error| error.to_string()))
        }
        Ask::Delete(folder) => {
            let deleted = files::delete(&home, Path::new(&folder));
            let said = deleted.map(|()| "Deleted.".to_owned());
            Answer::Did(said.map_err(|error| format!("{error:#}")))
        }
        // The trainer's and the dialogs'.
        Ask::Train { .. }
        | Ask::Steer(_)
        | Ask::Predict { .. }
        | Ask::Review { .. }
        | Ask::Pick(_)
        | Ask::Export(_) => return None,
    })
}

/// A model's folder that can be trained.
fn checked(folder: &Path) -> Result<Checkpoint, String> {
    session::check_model(folder).map_err(|error| plain(&error))?;
    Ok(Checkpoint {
        folder: folder.display().to_string(),
    })
}

/// An error in the words of a window: arguments have no dashes here.
pub fn plain(error: &session::SessionError) -> String {
    without_dashes(&error.to_string())
}

/// What a panic says.
pub fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "no reason given".to_owned());
    format!(
        "Tunesmith met something it does not know how to handle, a bug or a damaged file: {text}"
    )
}

/// How a failure of this ask is told.
fn refusal(ask: &Ask) -> fn(String) -> Answer {
    match ask {
        Ask::Adapters => |_| Answer::Adapters(Vec::new()),
        Ask::BuiltinData(_) => |message| Answer::Data(Err(message)),
        Ask::BuiltinModel | Ask::FetchModel { .. } | Ask::CheckModel(_) => {
            |message| Answer::Model(Err(message))
        }
        Ask::Inspect(_) => |message| Answer::Inspected(Err(message)),
        Ask::Estimate(..) => |message| Answer::Estimated(Err(message)),
        Ask::Search(Kind::Model, _) => |message| Answer::Searched(Kind::Model, Err(message)),
        Ask::Search(Kind::Dataset, _) => |message| Answer::Searched(Kind::Dataset, Err(message)),
        Ask::Cached(Kind::Model) => |_| Answer::Cached(Kind::Model, Vec::new()),
        Ask::Cached(Kind::Dataset) => |_| Answer::Cached(Kind::Dataset, Vec::new()),
        Ask::Runs => |_| Answer::Runs(Vec::new()),
        _ => |message| Answer::Did(Err(message)),
    }
}

/// What a training takes, beside what the device has; where that is too little, the batch that fits.
fn fit(config: RunConfig, device: &DevicePick, tell: &mut dyn FnMut(Event)) -> Result<Fit, String> {
    let mut batch = config.training.per_device_train_batch_size;
    let estimator = block_on(session::Estimator::new(config, tell));
    let estimator = estimator.map_err(|error| plain(&error))?;
    let adapters = block_on(session::adapter_infos());
    let adapter = adapter(device, &adapters);
    let own_memory = adapter.is_some_and(|adapter| adapter.kind == DeviceKind::DiscreteGpu);
    // wgpu doesn't tell how much memory a GPU has; all others use the machine's.
    let memory = (!own_memory).then(session::memory).flatten();
    let mut fit = Fit {
        estimate: estimator.estimate(),
        memory_bytes: memory.map(|memory| memory.total),
        max_binding_bytes: adapter.map(|adapter| adapter.max_binding_bytes),
        batch_size_that_fits: None,
    };
    let mut smaller = fit.clone();
    while !smaller.fits() && batch > 1 {
        batch /= 2;
        smaller.estimate = estimator.clone().with_batch_size(batch).estimate();
        fit.batch_size_that_fits = smaller.fits().then_some(batch as u64);
    }
    Ok(fit)
}

/// The adapter that computes; none where the CPU does.
fn adapter<'a>(device: &DevicePick, adapters: &'a [AdapterInfo]) -> Option<&'a AdapterInfo> {
    adapters.iter().find(|adapter| match device {
        DevicePick::Cpu => false,
        DevicePick::Auto | DevicePick::AllGpus => adapter.kind != DeviceKind::SoftwareGpu,
        DevicePick::Adapter { name, backend, .. } => {
            adapter.name == *name && adapter.backend == *backend
        }
    })
}

//! Requests and what answers them.

use std::cell::RefCell;
use std::path::Path;

use tunesmith_platform::fs;
use tunesmith_protocol::{DeviceChoice, MemoryUsage, Pair, Place, Request, TokenizedPrediction};
use tunesmith_session::Predictor;
use wasm_bindgen::JsError;

use crate::{files, json, tell};

/// Where runs are kept.
const RUNS: &str = "/runs";

thread_local! {
    /// The model that was last asked, which is most often asked again.
    static PREDICTOR: RefCell<Option<(String, DeviceChoice, Predictor)>> = const { RefCell::new(None) };
}

pub(crate) async fn answer(request: Request) -> Result<String, JsError> {
    let mut tell = |event| tell(&event);
    match request {
        Request::Adapters => json(&tunesmith_session::adapter_infos().await),
        Request::List { path } => json(&files::list(Path::new(&path)).unwrap_or_default()),
        Request::Remove { path } => {
            let removed = match fs::is_dir(&path) {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            json(&removed?)
        }
        Request::FetchModel { name, revision } => {
            let path =
                tunesmith_session::fetch_model(&name, revision.as_deref(), &mut tell).await?;
            json(&Place {
                path: path.display().to_string(),
                bytes: None,
            })
        }
        Request::CheckModel { path } => json(&tunesmith_session::check_model(Path::new(&path))?),
        Request::Inspect { config } => json(&tunesmith_session::inspect(config, &mut tell).await?),
        Request::Estimate { config } => {
            json(&tunesmith_session::estimate(config, &mut tell).await?)
        }
        Request::Predict {
            model,
            texts,
            device,
        } => json(&predict(model, &texts, device).await?),
        Request::Review { config, model } => {
            json(&tunesmith_session::review(config, Path::new(&model), &mut tell).await?)
        }
        Request::Runs => json(&tunesmith_session::saved_runs(Path::new(RUNS))),
        Request::Memory => json(&MemoryUsage {
            host_bytes: 65_536 * core::arch::wasm32::memory_size(0) as u64,
            device_bytes: tunesmith_session::device_bytes(),
        }),
        Request::Onnx { model, dtypes } => {
            let files = tunesmith_session::export_onnx(Path::new(&model), &dtypes)?;
            let places = files.iter().map(|path| Place {
                bytes: fs::metadata(path).ok().map(|found| found.len()),
                path: path.display().to_string(),
            });
            json(&places.collect::<Vec<_>>())
        }
        Request::Zip { path } => json(&files::zip(Path::new(&path))?),
    }
}

async fn predict(
    model: String,
    texts: &[Pair],
    device: DeviceChoice,
) -> Result<Vec<TokenizedPrediction>, JsError> {
    let held = PREDICTOR
        .take()
        .filter(|(path, choice, held)| *path == model && *choice == device && !held.has_failed());
    let predictor = match held {
        Some((_, _, predictor)) => predictor,
        None => Predictor::load(Path::new(&model), device, None).await?,
    };
    let predictions = predictor.predict(texts).await?;
    let answered: Result<Vec<TokenizedPrediction>, JsError> = texts
        .iter()
        .zip(predictions)
        .map(|(text, prediction)| {
            Ok(TokenizedPrediction {
                prediction,
                tokens: predictor.tokens(text)?,
            })
        })
        .collect();
    PREDICTOR.set(Some((model, device, predictor)));
    answered
}

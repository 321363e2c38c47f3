//! The system's own dialogs. They are made on the window's thread and waited for on another.

use std::path::Path;
use std::thread;

use rfd::AsyncFileDialog;
use tunesmith_desktop::{Answer, Pick};

use super::{Line, files};

/// The formats that data is read from.
const FORMATS: &[&str] = &[
    "csv", "tsv", "tab", "jsonl", "ndjson", "json", "parquet", "xlsx", "xlsm", "conll", "conllu",
    "iob", "iob2", "bio", "txt", "gz", "zst", "zip",
];

/// Lets the person pick a file or a folder.
pub fn pick(pick: Pick, ticket: u64, line: Line) {
    let dialog = AsyncFileDialog::new();
    let (folder, dialog) = match pick {
        Pick::TrainFile => (false, dialog.set_title("The file to train on")),
        Pick::ValidationFile => (false, dialog.set_title("The file to measure on")),
        Pick::ModelFolder => (true, dialog.set_title("The checkpoint's folder")),
    };
    let tell = move |picked: Option<rfd::FileHandle>| {
        let path = picked.map(|file| file.path().display().to_string());
        line.tell(ticket, Answer::Picked(pick, path));
    };
    if folder {
        let picked = dialog.pick_folder();
        thread::spawn(move || tell(pollster::block_on(picked)));
    } else {
        let picked = dialog.add_filter("Data", FORMATS).pick_file();
        thread::spawn(move || tell(pollster::block_on(picked)));
    }
}

/// Copies a model into a folder that the person picks.
pub fn export(model: String, ticket: u64, line: Line) {
    let dialog = AsyncFileDialog::new().set_title("Where the model's folder is copied to");
    let picked = dialog.pick_folder();
    thread::spawn(move || {
        let result = match pollster::block_on(picked) {
            None => Ok("Nothing was copied.".to_owned()),
            Some(folder) => files::export(Path::new(&model), folder.path())
                .map(|target| format!("Copied to {}.", target.display()))
                .map_err(|error| format!("{error:#}")),
        };
        line.tell(ticket, Answer::Did(result));
    });
}

//! Whole datasets and models: which files are chosen, and what is said where they cannot be.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;

use support::{COMMIT, CONVERTED, FakeHub, Fault, TOKEN, noise};
use tempfile::TempDir;
use tunesmith_hub::{DatasetFiles, Download, Hub, HubError, RepoKind};

const GLUE: &str = "datasets/nyu-mll/glue";
const MODEL: &str = "models/owner/tiny";

fn quiet(_: Download) {}

fn start() -> (FakeHub, TempDir) {
    (FakeHub::start(), tempfile::tempdir().unwrap())
}

fn glue(server: &FakeHub) {
    server.add(GLUE, "README.md", b"---\n---\n# GLUE");
    for split in ["test", "train", "validation"] {
        let path = format!("mrpc/{split}-00000-of-00001.parquet");
        server.add_large(GLUE, &path, format!("mrpc {split}").as_bytes());
        let path = format!("cola/{split}-00000-of-00001.parquet");
        server.add_large(GLUE, &path, format!("cola {split}").as_bytes());
    }
}

fn splits(files: &DatasetFiles) -> Vec<(&str, usize)> {
    files
        .splits
        .iter()
        .map(|split| (split.name.as_str(), split.files.len()))
        .collect()
}

#[test]
fn glue_mrpc_by_its_short_and_its_full_id() {
    for id in ["glue", "nyu-mll/glue"] {
        let (server, cache) = start();
        glue(&server);
        let hub = server.hub(cache.path());
        let files = hub
            .dataset_snapshot(id, Some("mrpc"), None, &mut quiet)
            .unwrap();
        let root = cache
            .path()
            .join("datasets--nyu-mll--glue/snapshots")
            .join(COMMIT);
        assert_eq!(files.root, root);
        assert_eq!(
            (files.commit.as_str(), files.repo.as_str()),
            (COMMIT, "nyu-mll/glue")
        );
        assert_eq!(files.config, "mrpc");
        assert_eq!(
            splits(&files),
            [("train", 1), ("validation", 1), ("test", 1)]
        );
        let train = root.join("mrpc/train-00000-of-00001.parquet");
        assert_eq!(files.splits[0].files, std::slice::from_ref(&train));
        assert_eq!(fs::read(train).unwrap(), b"mrpc train");
        assert_eq!(fs::read(files.card.unwrap()).unwrap(), b"---\n---\n# GLUE");
        assert!(!root.join("cola").exists());
    }
}

#[test]
fn a_second_use_offline_makes_no_request() {
    let (server, cache) = start();
    glue(&server);
    let hub = server.hub(cache.path());
    let first = hub
        .dataset_snapshot("glue", Some("mrpc"), None, &mut quiet)
        .unwrap();
    let asked = server.requests().len();
    let offline = server.offline(cache.path());
    let second = offline
        .dataset_snapshot("glue", Some("mrpc"), None, &mut quiet)
        .unwrap();
    assert_eq!(first, second);
    // What the server listed is known, so both of these are told for what they are.
    let error = offline
        .dataset_snapshot("glue", Some("cola"), None, &mut quiet)
        .unwrap_err();
    assert!(
        error.is_unreachable() && error.to_string().contains("cola/"),
        "{error}"
    );
    let error = offline
        .dataset_snapshot("glue", Some("mrcp"), None, &mut quiet)
        .unwrap_err();
    assert!(matches!(error, HubError::UnknownConfig { .. }), "{error:?}");
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn an_interrupted_snapshot_is_not_taken_for_whole_offline() {
    let (server, cache) = start();
    glue(&server);
    server.plan("HEAD", "mrpc/test", 99, Fault::Status(500, vec![]));
    let hub = server.hub(cache.path());
    hub.dataset_snapshot("glue", Some("mrpc"), None, &mut quiet)
        .unwrap_err();
    let offline = server.offline(cache.path());
    let error = offline
        .dataset_snapshot("glue", Some("mrpc"), None, &mut quiet)
        .unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("mrpc/test-00000-of-00001.parquet"),
        "{error}"
    );
}

#[test]
fn a_config_that_does_not_exist_lists_those_that_do() {
    let (server, cache) = start();
    glue(&server);
    let hub = server.hub(cache.path());
    let error = hub
        .dataset_snapshot("glue", Some("mrcp"), None, &mut quiet)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "dataset nyu-mll/glue has no config \"mrcp\". It has: cola, mrpc"
    );
    let error = hub
        .dataset_snapshot("glue", None, None, &mut quiet)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "dataset nyu-mll/glue has several configs, name one of: cola, mrpc"
    );
    assert_eq!(server.count("GET", ".parquet"), 0);
}

#[test]
fn shards_of_a_default_config_come_in_order() {
    let (server, cache) = start();
    let repo = "datasets/owner/news";
    for shard in (0..3).rev() {
        let path = format!("data/train-0000{shard}-of-00003.parquet");
        server.add_large(repo, &path, format!("rows {shard}").as_bytes());
    }
    let hub = server.hub(cache.path());
    let files = hub
        .dataset_snapshot("owner/news", None, None, &mut quiet)
        .unwrap();
    assert_eq!((files.config.as_str(), files.card), ("default", None));
    let rows: Vec<_> = files.splits[0]
        .files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(rows, ["rows 0", "rows 1", "rows 2"]);
}

#[test]
fn the_hubs_conversion_is_used_where_the_repository_has_no_parquet() {
    let (server, cache) = start();
    let repo = "datasets/owner/csv";
    server
        .add(repo, "README.md", b"card")
        .add(repo, "train.csv", b"a,b");
    let branch = "refs/convert/parquet";
    for path in ["plain/train/0000.parquet", "plain/train/0001.parquet"] {
        server.add_at(repo, branch, CONVERTED, path, path.as_bytes(), true);
    }
    let hub = server.hub(cache.path());
    for config in [None, Some("plain")] {
        let files = hub
            .dataset_snapshot("owner/csv", config, None, &mut quiet)
            .unwrap();
        let snapshots = cache.path().join("datasets--owner--csv/snapshots");
        assert_eq!(files.root, snapshots.join(CONVERTED));
        assert_eq!(files.commit, CONVERTED);
        assert_eq!(splits(&files), [("train", 2)]);
        assert!(files.root.join("plain/train/0001.parquet").is_file());
        assert_eq!(files.card, Some(snapshots.join(COMMIT).join("README.md")));
    }
    let error = hub
        .dataset_snapshot("owner/csv", Some("fancy"), None, &mut quiet)
        .unwrap_err();
    assert!(error.to_string().ends_with("It has: plain"), "{error}");

    // The conversion is of `main`, not of any other revision.
    let error = hub
        .dataset_snapshot("owner/csv", None, Some(COMMIT), &mut quiet)
        .unwrap_err();
    assert!(matches!(error, HubError::NoParquet { .. }), "{error:?}");

    let offline = server.offline(cache.path());
    let files = offline
        .dataset_snapshot("owner/csv", None, None, &mut quiet)
        .unwrap();
    assert_eq!(files.commit, CONVERTED);
}

#[test]
fn no_parquet_at_all_says_what_to_do() {
    let (server, cache) = start();
    server.add("datasets/owner/csv", "train.csv", b"a,b");
    let hub = server.hub(cache.path());
    let error = hub
        .dataset_snapshot("owner/csv", None, None, &mut quiet)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("owner/csv has no parquet files at revision main"),
        "{text}"
    );
    assert!(text.contains("pass them as local files"), "{text}");
}

#[test]
fn a_moved_repository_is_followed_with_the_token() {
    let (server, cache) = start();
    let repo = "datasets/stanfordnlp/imdb";
    server.add_large(repo, "plain_text/train-00000-of-00001.parquet", b"rows");
    server.moved("datasets/imdb", repo);
    server.private(repo);
    let mut config = server.config(cache.path());
    config.token = Some(TOKEN.to_owned());
    let hub = Hub::new(config).unwrap();
    let files = hub
        .dataset_snapshot("imdb", None, None, &mut quiet)
        .unwrap();
    assert_eq!(files.config, "plain_text");
    assert_eq!(
        files.root,
        cache.path().join("datasets--imdb/snapshots").join(COMMIT)
    );
    assert_eq!(fs::read(&files.splits[0].files[0]).unwrap(), b"rows");
}

#[test]
fn a_model_comes_with_its_tokenizer_and_nothing_else() {
    let (server, cache) = start();
    for path in [
        "config.json",
        "tokenizer.json",
        "vocab.txt",
        "added_tokens.json",
        "README.md",
        "tf_model.h5",
    ] {
        server.add(MODEL, path, path.as_bytes());
    }
    server.add_large(MODEL, "model.safetensors", &noise(2000));
    server.add_large(MODEL, "pytorch_model.bin", &noise(2001));
    server.add_large(MODEL, "onnx/model.onnx", &noise(2002));
    let mut order = Vec::new();
    let hub = server.hub(cache.path());
    let files = hub
        .model_snapshot("owner/tiny", None, &mut |download| {
            if order.last() != Some(&download.file) {
                order.push(download.file);
            }
        })
        .unwrap();
    assert_eq!(
        order,
        [
            "config.json",
            "tokenizer.json",
            "vocab.txt",
            "added_tokens.json",
            "model.safetensors"
        ]
    );
    assert_eq!(files.commit, COMMIT);
    let mut there: Vec<_> = fs::read_dir(&files.root)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    there.sort();
    order.sort();
    assert_eq!(there, order);
}

/// The files that are fetched of a model with these, in their order.
fn fetched(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let (server, cache) = start();
    for (path, text) in files {
        server.add(MODEL, path, text.as_bytes());
    }
    let mut order = Vec::new();
    let hub = server.hub(cache.path());
    let note = &mut |download: Download| {
        if order.last() != Some(&download.file) {
            order.push(download.file);
        }
    };
    match hub.model_snapshot("owner/tiny", None, note) {
        Ok(_) => Ok(order),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_weights_are_the_first_in_transformers_order() {
    let index = |first: &str, second: &str| {
        format!(r#"{{"weight_map": {{"a": "{first}", "b": "{second}", "c": "{first}"}}}}"#)
    };
    let safetensors = index("x-1.safetensors", "x-2.safetensors");
    let pickles = index("x-1.bin", "x-2.bin");
    let all = [
        ("config.json", "{}"),
        ("model.safetensors", "1"),
        ("model.safetensors.index.json", safetensors.as_str()),
        ("x-1.safetensors", "2"),
        ("x-2.safetensors", "3"),
        ("pytorch_model.bin", "4"),
        ("pytorch_model.bin.index.json", pickles.as_str()),
        ("x-1.bin", "5"),
        ("x-2.bin", "6"),
    ];
    let without = |count: usize| {
        let left = [&all[..1], &all[count..]].concat();
        fetched(&left).unwrap()
    };
    assert_eq!(without(1), ["config.json", "model.safetensors"]);
    let shards = [
        "config.json",
        "model.safetensors.index.json",
        "x-1.safetensors",
        "x-2.safetensors",
    ];
    assert_eq!(without(2), shards);
    assert_eq!(without(5), ["config.json", "pytorch_model.bin"]);
    let shards = [
        "config.json",
        "pytorch_model.bin.index.json",
        "x-1.bin",
        "x-2.bin",
    ];
    assert_eq!(without(6), shards);
}

#[test]
fn an_index_that_names_no_weights_is_told() {
    for (index, said) in [
        ("{", "EOF"),
        (
            r#"{"weight_map": {"a": "../x.bin"}}"#,
            "\"../x.bin\", which is not a file of weights",
        ),
        (
            r#"{"weight_map": {"a": "README.md"}}"#,
            "\"README.md\", which is not a file of weights",
        ),
    ] {
        let files = [
            ("config.json", "{}"),
            ("pytorch_model.bin.index.json", index),
        ];
        let message = fetched(&files).unwrap_err();
        assert!(
            message.contains("pytorch_model.bin.index.json of owner/tiny")
                && message.contains(said),
            "{message}"
        );
    }
}

#[test]
fn older_tokenizers_are_fetched_where_there_is_no_tokenizer_json() {
    let all = [
        ("config.json", "{}"),
        ("tokenizer.json", "1"),
        ("vocab.json", "2"),
        ("merges.txt", "3"),
        ("spm.model", "4"),
        ("model.safetensors", "5"),
    ];
    assert_eq!(
        fetched(&all).unwrap(),
        ["config.json", "tokenizer.json", "model.safetensors"]
    );
    let left = [&all[..1], &all[2..]].concat();
    assert_eq!(
        fetched(&left).unwrap(),
        [
            "config.json",
            "vocab.json",
            "merges.txt",
            "spm.model",
            "model.safetensors"
        ]
    );
}

#[test]
fn a_repository_that_is_no_model_lists_its_files() {
    let (server, cache) = start();
    server.add(MODEL, "notes.txt", b"");
    let hub = server.hub(cache.path());
    let text = hub
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("no config.json at revision main. It has: notes.txt"),
        "{text}"
    );
}

#[test]
fn a_part_of_a_model_in_pythons_cache_is_not_taken_for_all_of_it() {
    let (server, cache) = start();
    let root = cache.path().join("models--owner--tiny");
    let snapshot = root.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(root.join("refs")).unwrap();
    fs::write(root.join("refs/main"), COMMIT).unwrap();
    fs::write(snapshot.join("config.json"), b"{}").unwrap();
    let offline = server.offline(cache.path());
    let error = offline
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("model.safetensors of model owner/tiny"),
        "{error}"
    );
}

#[test]
fn the_list_that_python_keeps_tells_a_missing_file_from_an_absent_one() {
    let (server, cache) = start();
    let root = cache.path().join("datasets--owner--set");
    for folder in ["trees", "refs"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("refs/main"), COMMIT).unwrap();
    let tree = r#"{"format_version": 1, "files": {
        "a/train-00000-of-00001.parquet": {"size": 9, "blob_id": "0", "lfs_sha256": "1"}}}"#;
    fs::write(root.join(format!("trees/{COMMIT}.json")), tree).unwrap();
    let offline = server.offline(cache.path());
    let load = |config| offline.dataset_snapshot("owner/set", config, None, &mut quiet);
    let error = load(Some("a")).unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("a/train-00000-of-00001.parquet of"),
        "{error}"
    );
    let error = load(Some("b")).unwrap_err();
    assert!(matches!(error, HubError::UnknownConfig { .. }), "{error:?}");
}

#[test]
fn refusals_say_which_repository_and_what_to_do() {
    let (server, cache) = start();
    server.add(MODEL, "config.json", b"{}");
    server.private(MODEL);
    let hub = server.hub(cache.path());
    let error = hub
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("HTTP 401") && text.contains("owner/tiny is gated"),
        "{text}"
    );
    assert!(text.contains("HF_TOKEN"), "{text}");
    assert!(
        text.contains("/api/models/owner/tiny/revision/main"),
        "{text}"
    );
    assert!(!error.is_unreachable());
    assert_eq!(server.requests().len(), 1, "a refusal is not repeated");

    let unknown = vec![("x-error-code", "RepoNotFound".to_owned())];
    server.plan("GET", "/nobody/", 1, Fault::Status(401, unknown));
    let text = hub
        .model_snapshot("nobody/x", None, &mut quiet)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("does not exist (check the spelling)"),
        "{text}"
    );
    assert!(text.contains("set HF_TOKEN"), "{text}");

    let mut config = server.config(cache.path());
    config.token = Some("hf_wrong".to_owned());
    server.plan("GET", "/owner/tiny/", 1, Fault::Status(403, vec![]));
    let hub = Hub::new(config).unwrap();
    let text = hub
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("HTTP 403") && text.contains("token was not accepted"),
        "{text}"
    );
    assert!(!text.contains("hf_wrong"), "{text}");
}

#[test]
fn what_is_not_there_is_named_with_where_to_look() {
    let (server, cache) = start();
    server.add(MODEL, "config.json", b"{}");
    let hub = server.hub(cache.path());
    let text = hub
        .model_snapshot("owner/tinny", None, &mut quiet)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("there is no model owner/tinny (HTTP 404"),
        "{text}"
    );
    let text = hub
        .dataset_snapshot("owner/rows", None, None, &mut quiet)
        .unwrap_err()
        .to_string();
    assert!(text.contains("there is no dataset owner/rows"), "{text}");
    let text = hub
        .model_snapshot("owner/tiny", Some("v9"), &mut quiet)
        .unwrap_err()
        .to_string();
    assert!(text.contains("owner/tiny has no revision v9"), "{text}");
    let commit = hub
        .resolve_commit(RepoKind::Model, "owner/tiny", None)
        .unwrap();
    let text = hub
        .file(
            RepoKind::Model,
            "owner/tiny",
            &commit,
            "vocab.txt",
            &mut quiet,
        )
        .unwrap_err()
        .to_string();
    assert!(text.contains("owner/tiny has no file vocab.txt"), "{text}");
    assert!(
        text.contains(&format!("/owner/tiny/tree/{COMMIT}")),
        "{text}"
    );
}

#[test]
fn an_answer_that_is_not_the_hubs_is_told_apart() {
    let (server, cache) = start();
    server.add(MODEL, "config.json", b"{}");
    server.plan("GET", "/revision/", 1, Fault::Status(200, vec![]));
    let hub = server.hub(cache.path());
    let error = hub
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err();
    assert!(matches!(error, HubError::Malformed { .. }), "{error:?}");
    assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
    server.plan("HEAD", "config.json", 1, Fault::Status(200, vec![]));
    let commit = hub
        .resolve_commit(RepoKind::Model, "owner/tiny", None)
        .unwrap();
    let error = hub
        .file(
            RepoKind::Model,
            "owner/tiny",
            &commit,
            "config.json",
            &mut quiet,
        )
        .unwrap_err();
    assert!(error.to_string().contains("ETag is missing"), "{error}");

    let mut config = server.config(cache.path());
    config.endpoint = "huggingface.co".to_owned();
    let error = Hub::new(config).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("\"huggingface.co\", which is not a URL"),
        "{error}"
    );
}

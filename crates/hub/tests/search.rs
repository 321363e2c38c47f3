//! Searches of a Hub on loopback: what is asked, what is found, and what is said where nothing can be.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::net::TcpListener;
use std::time::Duration;

use support::{FakeHub, Fault, TOKEN};
use tempfile::TempDir;
use tunesmith_hub::{FoundRepo, Hub, HubError, RepoKind};

const LIMIT: usize = 20;

fn start() -> (FakeHub, TempDir) {
    let server = FakeHub::start();
    server
        .publish(
            "models",
            "owner/tiny-bert",
            Some(7),
            &["transformers", "bert", "en"],
        )
        .publish(
            "models",
            "google-bert/bert-base",
            Some(5_000),
            &["transformers", "bert"],
        )
        .publish(
            "models",
            "owner/distilbert",
            Some(90),
            &["distilbert", "transformers"],
        )
        .publish(
            "models",
            "owner/bert-for-vision",
            Some(900),
            &["transformers", "clip"],
        )
        .publish("models", "owner/bert-elsewhere", Some(800), &["bert"])
        .publish(
            "models",
            "mirror/Bert-Uncounted",
            None,
            &["transformers", "bert"],
        )
        .publish("datasets", "nyu-mll/glue", Some(300), &[])
        .publish("datasets", "owner/glued", Some(400), &[]);
    (server, tempfile::tempdir().unwrap())
}

fn models(hub: &Hub, text: &str) -> Result<Vec<FoundRepo>, HubError> {
    hub.search(RepoKind::Model, text, LIMIT)
}

fn repo(id: &str, downloads: Option<u64>) -> FoundRepo {
    let id = id.to_owned();
    FoundRepo { id, downloads }
}

#[test]
fn models_of_the_families_by_text_the_most_downloaded_first() {
    let (server, cache) = start();
    let found = models(&server.hub(cache.path()), " bert\n").unwrap();
    assert_eq!(
        found,
        [
            repo("google-bert/bert-base", Some(5_000)),
            repo("owner/distilbert", Some(90)),
            repo("owner/tiny-bert", Some(7)),
            repo("mirror/Bert-Uncounted", None),
        ]
    );
    let log = server.requests();
    assert_eq!(log.len(), 1);
    assert_eq!(
        (log[0].method.as_str(), log[0].path.as_str()),
        ("GET", "/api/models")
    );
    assert_eq!(
        log[0].query,
        "search=bert&filter=transformers&sort=downloads&direction=-1&limit=200"
    );
    assert!(!log[0].headers.contains_key("authorization"));
}

#[test]
fn datasets_whatever_their_tags_up_to_the_limit() {
    let (server, cache) = start();
    let hub = server.hub(cache.path());
    let found = hub.search(RepoKind::Dataset, "glue", LIMIT).unwrap();
    assert_eq!(
        found,
        [
            repo("owner/glued", Some(400)),
            repo("nyu-mll/glue", Some(300))
        ]
    );
    let found = hub.search(RepoKind::Dataset, "mll/glue", LIMIT).unwrap();
    assert_eq!(found, [repo("nyu-mll/glue", Some(300))]);
    let found = hub.search(RepoKind::Dataset, "glue", 1).unwrap();
    assert_eq!(found, [repo("owner/glued", Some(400))]);
    server.plan("GET", "/api/datasets", 1, Fault::IgnoreRange);
    let found = hub.search(RepoKind::Dataset, "glue", 1).unwrap();
    assert_eq!(found, [repo("owner/glued", Some(400))]);
    let log = server.requests();
    assert!(log.iter().all(|request| request.path == "/api/datasets"));
    assert_eq!(
        log[0].query,
        "search=glue&sort=downloads&direction=-1&limit=20"
    );
}

#[test]
fn nothing_found_is_no_error_and_an_empty_text_finds_all() {
    let (server, cache) = start();
    let hub = server.hub(cache.path());
    assert_eq!(models(&hub, "no such thing").unwrap(), []);
    assert_eq!(models(&hub, " ").unwrap().len(), 4);
    assert!(!server.requests()[1].query.contains("search"));
}

#[test]
fn any_text_arrives_as_it_was_typed() {
    let (server, cache) = start();
    let hub = server.hub(cache.path());
    for text in [
        "a b",
        "a+b",
        "a&limit=1&filter=gpt2",
        "50%25?#/../x",
        "größe 模型 🙂",
        "\"<a>\\'\u{0}\r\nHost: other",
    ] {
        assert_eq!(models(&hub, text).unwrap(), []);
        let request = server.requests().pop().unwrap();
        assert_eq!(request.path, "/api/models");
        assert!(
            request.query.bytes().all(|b| b.is_ascii_graphic()),
            "{}",
            request.query
        );
        let sent = [
            ("search", text),
            ("filter", "transformers"),
            ("sort", "downloads"),
            ("direction", "-1"),
            ("limit", "200"),
        ];
        let sent = sent.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(request.pairs(), sent);
    }
}

#[test]
fn an_endpoint_with_a_path_and_the_token() {
    let (server, cache) = start();
    let mut config = server.config(cache.path());
    config.endpoint.push_str("/hf/");
    config.token = Some(TOKEN.to_owned());
    // The path is the mirror's own; only what is asked matters here.
    models(&Hub::new(config).unwrap(), "bert").unwrap_err();
    let log = server.requests();
    assert_eq!(log[0].path, "/hf/api/models");
    assert_eq!(log[0].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[test]
fn offline_nothing_is_asked_and_the_message_says_so() {
    let (server, cache) = start();
    let error = models(&server.offline(cache.path()), "bert").unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "cannot search the hub for \"bert\": HF_HUB_OFFLINE is set. Run once with the network \
             and without HF_HUB_OFFLINE to search it, or use what is in the cache at {}",
            cache.path().display()
        )
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_hub_that_nobody_answers_for_is_unreachable() {
    let (server, cache) = start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = server.config(cache.path());
    config.endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = models(&Hub::new(config).unwrap(), "bert").unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error:?}");
}

#[test]
fn what_passes_is_asked_again() {
    let (server, cache) = start();
    let wait = vec![("retry-after", "0".to_owned())];
    server.plan("GET", "/api/models", 1, Fault::Status(429, wait));
    server.plan("GET", "/api/models", 1, Fault::Status(503, vec![]));
    server.plan("GET", "/api/models", 1, Fault::CutAfter(10));
    let found = models(&server.hub(cache.path()), "tiny").unwrap();
    assert_eq!(found, [repo("owner/tiny-bert", Some(7))]);
    assert_eq!(server.count("GET", "/api/models"), 4);

    server.plan("GET", "/api/models", 99, Fault::CutAfter(10));
    let error = models(&server.hub(cache.path()), "tiny").unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error:?}");
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let (server, cache) = start();
    let mut config = server.config(cache.path());
    config.read_timeout = Duration::from_millis(50);
    let silence = Fault::Sleep(Duration::from_secs(2));
    server.plan("GET", "/api/models", 99, silence);
    let error = models(&Hub::new(config).unwrap(), "bert").unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error:?}");
}

#[test]
fn refusals_are_about_the_search_and_no_repository() {
    let (server, cache) = start();
    let refusal = |status, token: Option<&str>| {
        let mut config = server.config(cache.path());
        config.token = token.map(ToOwned::to_owned);
        config.retry.attempts = 1;
        let fault = Fault::Status(status, vec![("x-error-message", "No entry".to_owned())]);
        server.plan("GET", "/api/models", 1, fault);
        let error = models(&Hub::new(config).unwrap(), "bert").unwrap_err();
        error.to_string()
    };
    let url = format!("{}/api/models", server.endpoint());
    assert_eq!(
        refusal(401, Some(TOKEN)),
        format!(
            "the hub refused {url} (HTTP 401, No entry): the token was not accepted. Check that \
             HF_TOKEN is valid"
        )
    );
    assert_eq!(
        refusal(403, None),
        format!(
            "the hub refused {url} (HTTP 403, No entry): this hub wants to know who searches: set \
             HF_TOKEN to a token"
        )
    );
    assert_eq!(
        refusal(404, None),
        format!(
            "unexpected answer from the hub: HTTP 404, No entry for {url}. Check HF_ENDPOINT and \
             the proxy"
        )
    );
    assert!(refusal(500, None).contains("the hub is in trouble (HTTP 500, No entry"));
    assert!(refusal(429, None).contains("the hub limits the rate of requests (HTTP 429"));
    // A sign-in page, or nothing at all.
    let text = refusal(200, None);
    assert!(
        text.contains("does not answer as the hub does") && !text.contains("bert"),
        "{text}"
    );
}

#[test]
fn ids_that_no_repository_can_have_are_passed_over() {
    let (server, cache) = start();
    for id in ["../../bert", "a/b/bert", "bert--x/y", "", "ok/bert-2"] {
        server.publish("models", id, Some(9_000), &["transformers", "bert"]);
    }
    let found = models(&server.hub(cache.path()), "bert").unwrap();
    let ids: Vec<_> = found.iter().map(|repo| repo.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "ok/bert-2",
            "google-bert/bert-base",
            "owner/distilbert",
            "owner/tiny-bert",
            "mirror/Bert-Uncounted"
        ]
    );
}

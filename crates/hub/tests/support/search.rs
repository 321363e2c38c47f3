//! The part of the Hub on loopback that searches.

use std::cmp::Reverse;

use reqwest::Url;
use serde_json::{Value, json};

use super::{FakeHub, Fault, Reply, Request};

pub struct Published {
    /// `models` or `datasets`.
    kind: &'static str,
    id: String,
    /// A server that counts nothing leaves it out.
    downloads: Option<u64>,
    tags: Vec<&'static str>,
}

impl FakeHub {
    /// Lets a search find the repository.
    pub fn publish(
        &self,
        kind: &'static str,
        id: &str,
        downloads: Option<u64>,
        tags: &[&'static str],
    ) -> &Self {
        self.state().published.push(Published {
            kind,
            id: id.to_owned(),
            downloads,
            tags: tags.to_vec(),
        });
        self
    }
}

impl Request {
    /// The query's pairs, percent-decoded.
    pub fn pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://hub/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// As the real one: a part of the id in any case, all tags, the most downloaded first.
pub(super) fn answer(
    published: &[Published],
    kind: &str,
    query: &str,
    fault: Option<&Fault>,
) -> Reply {
    let pairs = pairs(query);
    let value = |name: &str| {
        let pair = pairs.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("sort"), Some("downloads"), "{query}");
    assert_eq!(value("direction"), Some("-1"), "{query}");
    let text = value("search").unwrap_or_default().to_lowercase();
    let limit = match fault {
        Some(Fault::IgnoreRange) => usize::MAX,
        _ => value("limit").unwrap().parse().unwrap(),
    };
    let mut found: Vec<_> = published
        .iter()
        .filter(|repo| repo.kind == kind && repo.id.to_lowercase().contains(&text))
        .filter(|repo| value("filter").is_none_or(|tag| repo.tags.contains(&tag)))
        .collect();
    found.sort_by_key(|repo| Reverse(repo.downloads));
    let found: Vec<Value> = found.into_iter().take(limit).map(entry).collect();
    Reply::json(&json!(found))
}

fn entry(repo: &Published) -> Value {
    let mut entry = json!({
        "_id": "1", "id": repo.id, "likes": 3, "private": false, "tags": repo.tags,
        "createdAt": "2022-03-02T23:29:04.000Z", "modelId": repo.id,
    });
    if let Some(downloads) = repo.downloads {
        entry["downloads"] = json!(downloads);
    }
    entry
}

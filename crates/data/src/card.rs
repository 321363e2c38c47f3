//! The dataset card: the YAML at the beginning of a README.md, which says what types the columns of
//! a configuration have and which files belong to which split.

mod yaml;

use serde_norway::Value as Yaml;

use crate::{ClassLabel, Dtype, Feature, Features};

/// The metadata of a dataset card.
pub(crate) struct Card {
    yaml: Yaml,
}

impl Card {
    /// `None` where the text has no front matter that can be understood.
    pub(crate) fn parse(readme: &str) -> Option<Self> {
        let readme = readme.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let body = readme.strip_prefix("---\n")?;
        let end = body.find("\n---").map_or(body.len(), |end| end + 1);
        let yaml = yaml::parse(&body[..end])?;
        Some(Self { yaml })
    }

    /// The columns of a configuration by `dataset_info`. Columns of types that this crate lacks are
    /// left out.
    pub(crate) fn features(&self, config: Option<&str>) -> Option<Features> {
        let info = self.entry("dataset_info", config)?;
        let columns = info.get("features")?.as_sequence()?;
        Features::new(columns.iter().filter_map(|column| {
            let name = column.get("name")?.as_str()?.to_owned();
            Some((name, feature(column.get("dtype")?)?))
        }))
        .ok()
    }

    /// Splits and the patterns of their files, by `configs`.
    pub(crate) fn data_files(&self, config: Option<&str>) -> Option<Vec<(String, Vec<String>)>> {
        let files = self.entry("configs", config)?.get("data_files")?;
        if let Yaml::Mapping(splits) = files {
            return splits
                .iter()
                .map(|(split, paths)| Some((split.as_str()?.to_owned(), patterns(paths)?)))
                .collect();
        }
        let Some(list) = files
            .as_sequence()
            .filter(|list| !list.iter().all(Yaml::is_string))
        else {
            return Some(vec![("train".to_owned(), patterns(files)?)]);
        };
        list.iter()
            .map(|file| {
                let split = file.get("split")?.as_str()?.to_owned();
                Some((split, patterns(file.get("path")?)?))
            })
            .collect()
    }

    /// The entry of a configuration in a list of them; without a name, the only one, the one called
    /// `default`, or the one that says it is the default.
    fn entry(&self, key: &str, config: Option<&str>) -> Option<&Yaml> {
        let entries = match self.yaml.get(key)? {
            Yaml::Sequence(entries) => entries.as_slice(),
            single => std::slice::from_ref(single),
        };
        let name = |entry: &Yaml| {
            let name = entry.get("config_name").and_then(Yaml::as_str);
            name.unwrap_or("default").to_owned()
        };
        match config {
            Some(config) => entries.iter().find(|entry| name(entry) == config),
            None if entries.len() == 1 => entries.first(),
            None => entries.iter().find(|entry| {
                name(entry) == "default"
                    || entry.get("default").and_then(Yaml::as_bool) == Some(true)
            }),
        }
    }
}

fn patterns(yaml: &Yaml) -> Option<Vec<String>> {
    match yaml {
        Yaml::String(pattern) => Some(vec![pattern.clone()]),
        Yaml::Sequence(list) => list
            .iter()
            .map(|pattern| pattern.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

fn feature(dtype: &Yaml) -> Option<Feature> {
    if let Some(name) = dtype.as_str() {
        return Dtype::from_name(name).map(Feature::Value);
    }
    let names = match dtype.get("class_label")?.get("names")? {
        Yaml::Sequence(names) => names.iter().map(text).collect::<Option<Vec<_>>>()?,
        Yaml::Mapping(names) => {
            let mut numbered = names
                .iter()
                .map(|(id, name)| Some((text(id)?.parse::<usize>().ok()?, text(name)?)))
                .collect::<Option<Vec<_>>>()?;
            numbered.sort();
            numbered.into_iter().map(|(_, name)| name).collect()
        }
        _ => return None,
    };
    Some(Feature::ClassLabel(ClassLabel::new(names)))
}

/// Class names such as `0` or `no` may be written without quotes, which YAML takes for other types.
fn text(yaml: &Yaml) -> Option<String> {
    match yaml {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CARD: &str = "---
license: mit
dataset_info:
- config_name: pairs
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '1': same
          '0': other
  - name: words
    sequence: string
- config_name: scores
  features:
  - name: score
    dtype: float32
configs:
- config_name: pairs
  data_files:
  - split: train
    path: pairs/train-*
  - split: test
    path: [a.csv, b.csv]
---
# Pairs
";

    #[test]
    fn reads_features_and_files_of_a_configuration() {
        let card = Card::parse(CARD).unwrap();
        assert_eq!(
            card.features(Some("pairs")).unwrap().to_string(),
            "{'text': Value('string'), 'label': ClassLabel(names=['other', 'same'])}"
        );
        assert_eq!(
            card.features(Some("scores")).unwrap().to_string(),
            "{'score': Value('float32')}"
        );
        assert!(
            card.features(None).is_none(),
            "two configurations, none named"
        );
        let files = card.data_files(None).unwrap();
        assert_eq!(
            files[0],
            ("train".to_owned(), vec!["pairs/train-*".to_owned()])
        );
        assert_eq!(files[1].1, ["a.csv", "b.csv"]);
    }

    #[test]
    fn a_readme_without_front_matter_says_nothing() {
        assert!(Card::parse("# Pairs\n").is_none());
        assert!(
            Card::parse("---\nlicense: mit\n---\n")
                .unwrap()
                .features(None)
                .is_none()
        );
    }
}

//! Nothing short of reading both sentences tells the label, measured on what parquet holds.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{Row, read};
use tunesmith_paraphrase::files::SPLITS;
use tunesmith_paraphrase::measure::{overlap, words};

/// How far a rule fitted on validation itself may get above the majority. A choice among some
/// thousands of words finds one that fits 400 rows by chance a little; MRPC's overlap gives 4.6.
const MARGIN: f64 = 0.03;

fn accuracy(rows: &[Row], rule: impl Fn(&Row) -> bool) -> f64 {
    rows.iter().filter(|row| rule(row) == row.label).count() as f64 / rows.len() as f64
}

/// The better of a rule and its opposite.
fn either_way(rows: &[Row], rule: impl Fn(&Row) -> bool) -> f64 {
    let accuracy = accuracy(rows, rule);
    accuracy.max(1.0 - accuracy)
}

fn majority(rows: &[Row]) -> f64 {
    either_way(rows, |_| true)
}

fn best_threshold(rows: &[Row], feature: impl Fn(&Row) -> f64) -> f64 {
    let values: Vec<(f64, bool)> = rows.iter().map(|row| (feature(row), row.label)).collect();
    let right = |threshold: f64| {
        values
            .iter()
            .filter(|(value, label)| (*value > threshold) == *label)
            .count()
    };
    let thresholds = values.iter().map(|(value, _)| *value);
    let accuracies = thresholds.map(|t| right(t) as f64 / rows.len() as f64);
    accuracies.map(|a| a.max(1.0 - a)).fold(0.0, f64::max)
}

fn share(row: &Row) -> f64 {
    let (shared, total) = overlap(&row.sentence1, &row.sentence2);
    shared as f64 / total as f64
}

fn length(sentence: &str) -> f64 {
    sentence.split_whitespace().count() as f64
}

#[test]
fn sizes_and_balance_are_those_of_mrpc() {
    for (split, size) in SPLITS {
        let rows = read(split);
        assert_eq!(rows.len(), size as usize);
        assert!((0.67..=0.68).contains(&majority(&rows)), "{split}");
        let words: f64 = rows
            .iter()
            .map(|r| length(&r.sentence1) + length(&r.sentence2))
            .sum();
        let mean = words / (2.0 * rows.len() as f64);
        assert!(
            (20.0..24.0).contains(&mean),
            "{split}: {mean} words a sentence"
        );
    }
}

#[test]
fn no_sentence_occurs_twice() {
    let mut seen = BTreeSet::new();
    for (split, _) in SPLITS {
        for row in read(split) {
            for sentence in [row.sentence1, row.sentence2] {
                assert!(seen.insert(sentence.clone()), "{split}: {sentence}");
            }
        }
    }
}

#[test]
fn no_threshold_tells_the_label() {
    for (split, _) in SPLITS {
        let rows = read(split);
        let limit = majority(&rows) + MARGIN;
        let by_overlap = best_threshold(&rows, share);
        let by_length = best_threshold(&rows, |row| {
            (length(&row.sentence1) - length(&row.sentence2)).abs()
        });
        let by_order = best_threshold(&rows, |row| length(&row.sentence1) - length(&row.sentence2));
        let by_total = best_threshold(&rows, |row| length(&row.sentence1) + length(&row.sentence2));
        for accuracy in [by_overlap, by_length, by_order, by_total] {
            assert!(accuracy <= limit, "{split}: {accuracy} > {limit}");
        }
    }
}

#[test]
fn no_single_word_tells_the_label() {
    let rows = read("validation");
    let limit = majority(&rows) + MARGIN;
    let bags: Vec<_> = rows
        .iter()
        .map(|r| (words(&r.sentence1), words(&r.sentence2)))
        .collect();
    let vocabulary: BTreeSet<&String> = bags.iter().flat_map(|(a, b)| a.iter().chain(b)).collect();
    assert!(vocabulary.len() > 1000);
    type Presence = fn(bool, bool) -> bool;
    let presences: [Presence; 5] = [
        |a, _| a,
        |_, b| b,
        |a, b| a || b,
        |a, b| a && b,
        |a, b| a != b,
    ];
    for word in vocabulary {
        for (i, presence) in presences.iter().enumerate() {
            let right = bags
                .iter()
                .zip(&rows)
                .filter(|((a, b), row)| presence(a.contains(word), b.contains(word)) == row.label)
                .count();
            let accuracy = right as f64 / rows.len() as f64;
            let accuracy = accuracy.max(1.0 - accuracy);
            assert!(
                accuracy <= limit,
                "`{word}`, presence {i}: {accuracy} > {limit}"
            );
        }
    }
}

/// Naive Bayes over the words of a text, with add-one smoothing: fitted on train, scored on test.
fn naive_bayes(train: &[Row], test: &[Row], text: impl Fn(&Row) -> String) -> f64 {
    let mut counts: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    let mut totals = [0.0; 2];
    for row in train {
        totals[usize::from(row.label)] += 1.0;
        for word in words(&text(row)) {
            counts.entry(word).or_default()[usize::from(row.label)] += 1.0;
        }
    }
    let rule = |row: &Row| {
        let prior: f64 = f64::ln(totals[1] / totals[0]);
        let evidence = words(&text(row))
            .into_iter()
            .filter_map(|word| counts.get(&word).copied());
        let log_odds = |[no, yes]: [f64; 2]| {
            f64::ln((yes + 1.0) / (totals[1] + 2.0)) - f64::ln((no + 1.0) / (totals[0] + 2.0))
        };
        prior + evidence.map(log_odds).sum::<f64>() > 0.0
    };
    accuracy(test, rule)
}

#[test]
fn the_words_of_one_or_both_sentences_do_not_tell_the_label() {
    let (train, test) = (read("train"), read("test"));
    let limit = majority(&test) + MARGIN;
    let first = naive_bayes(&train, &test, |row| row.sentence1.clone());
    let second = naive_bayes(&train, &test, |row| row.sentence2.clone());
    let both = naive_bayes(&train, &test, |row| {
        format!("{} {}", row.sentence1, row.sentence2)
    });
    for accuracy in [first, second, both] {
        assert!(accuracy <= limit, "{accuracy} > {limit}");
    }
}

#[test]
fn sentences_are_well_formed() {
    for (split, _) in SPLITS {
        for row in read(split) {
            for sentence in [&row.sentence1, &row.sentence2] {
                let first = sentence.chars().next().unwrap();
                assert!(first.is_uppercase() || "\"$".contains(first), "{sentence}");
                assert!(
                    sentence.ends_with('.') && !sentence.ends_with(".."),
                    "{sentence}"
                );
                for fault in ["  ", " ,", ",,", "{", "}", "[", "]", "<", ">", "|", " / "] {
                    assert!(!sentence.contains(fault), "`{fault}` in: {sentence}");
                }
                let lower = sentence.to_lowercase();
                let words: Vec<&str> = lower.split_whitespace().collect();
                assert!(
                    words.windows(2).all(|pair| pair[0] != pair[1]),
                    "{sentence}"
                );
                let vowel = |word: &str| word.starts_with(['a', 'e', 'i', 'o']);
                let article = |pair: &[&str]| pair[0] == "a" && vowel(pair[1]);
                assert!(!words.windows(2).any(article), "{sentence}");
            }
        }
    }
}

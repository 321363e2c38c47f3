//! What each kind of labels is called on the screen; the page's `labels.ts` says the same.

use tunesmith_protocol::ProblemType;

/// The words for one kind of labels.
pub(crate) struct Words {
    /// As one of several to choose.
    pub(crate) choice: &'static str,
    /// Where the data looks like it.
    pub(crate) found: &'static str,
    /// The column of the text.
    pub(crate) text: &'static str,
    /// The column of the labels.
    pub(crate) column: &'static str,
    /// How often there is what.
    pub(crate) counts: &'static str,
    /// One that is not shown.
    pub(crate) more: &'static str,
    /// The report by class.
    pub(crate) report: &'static str,
    /// What a line of it is about.
    pub(crate) class: &'static str,
    /// What it counts.
    pub(crate) support: &'static str,
    /// After the share of rows.
    pub(crate) right: &'static str,
}

const SINGLE: Words = Words {
    choice: "One class per row",
    found: "Found: one class per row.",
    text: "Text",
    column: "Label",
    counts: "Labels",
    more: "more label",
    report: "Each class",
    class: "class",
    support: "rows",
    right: "are right.",
};

const MULTI: Words = Words {
    choice: "Several labels per row",
    found: "Found: several labels per row.",
    column: "Labels",
    report: "Each label",
    class: "label",
    right: "have exactly the right labels.",
    ..SINGLE
};

const NUMBER: Words = Words {
    choice: "A number",
    found: "Found: a number.",
    counts: "Values",
    more: "more value",
    ..SINGLE
};

const TOKENS: Words = Words {
    choice: "Labels of tokens",
    found: "Found: labels of tokens.",
    text: "Words or text",
    column: "Tags or spans",
    counts: "Entities",
    more: "more type",
    report: "Each type",
    class: "type",
    support: "entities",
    right: "have exactly the right entities.",
};

/// What can be predicted, in the order in which it is offered.
pub(crate) const KINDS: [ProblemType; 4] = [
    ProblemType::SingleLabel,
    ProblemType::MultiLabel,
    ProblemType::Regression,
    ProblemType::Tokens,
];

/// The words for these labels; those for classes where there are none.
pub(crate) fn words(labels: Option<ProblemType>) -> &'static Words {
    match labels {
        None | Some(ProblemType::SingleLabel) => &SINGLE,
        Some(ProblemType::MultiLabel) => &MULTI,
        Some(ProblemType::Regression) => &NUMBER,
        Some(ProblemType::Tokens) => &TOKENS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../web/src/page/labels.ts");

    #[test]
    fn the_page_says_the_same() {
        for kind in KINDS {
            assert!(PAGE.contains(kind.as_str()), "{kind}");
            let words = words(Some(kind));
            for text in [
                words.choice,
                words.found,
                words.text,
                words.column,
                words.counts,
                words.more,
                words.report,
                words.class,
                words.support,
                words.right,
            ] {
                assert!(PAGE.contains(&format!("\"{text}\"")), "{text}");
            }
        }
    }
}

/** What each kind of labels is called on the page; the window's `labels.rs` says the same. */

import type { ProblemType } from "../index.js";

/** The words for one kind of labels. */
export interface Words {
  /** As one of several to choose. */
  choice: string;
  /** Where the data looks like it. */
  found: string;
  /** The column of the text. */
  text: string;
  /** The column of the labels. */
  column: string;
  /** How often there is what. */
  counts: string;
  /** One that is not shown. */
  more: string;
  /** The report by class. */
  report: string;
  /** What a line of it is about. */
  class: string;
  /** What it counts. */
  support: string;
  /** After the share of rows. */
  right: string;
}

const SINGLE: Words = {
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

/** The words for each kind, in the order in which they are offered. */
export const WORDS: { readonly [kind in ProblemType]: Words } = {
  single_label_classification: SINGLE,
  multi_label_classification: {
    ...SINGLE,
    choice: "Several labels per row",
    found: "Found: several labels per row.",
    column: "Labels",
    report: "Each label",
    class: "label",
    right: "have exactly the right labels.",
  },
  regression: {
    ...SINGLE,
    choice: "A number",
    found: "Found: a number.",
    counts: "Values",
    more: "more value",
  },
  token_classification: {
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
  },
};

/** The words for these labels; those for classes where there are none. */
export function words(labels: ProblemType | null | undefined): Words {
  return labels ? WORDS[labels] : SINGLE;
}

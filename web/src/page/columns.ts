/** Which columns can hold what; the window's `columns.rs` says the same. */

import type { ColumnKind, Inspection, ProblemType, RunConfigJson } from "../index.js";

/** A column that can be chosen, and what it holds. */
export interface Choice {
  name: string;
  kind: ColumnKind;
}

/**
 * The columns that can be chosen. What is marked in a text lies in several columns, `entities.start`,
 * `entities.end` and such, and is chosen by what is before the dot.
 */
export function choices({ columns }: Inspection): Choice[] {
  const names = new Set(columns.map(({ name }) => name));
  const found = new Map<string, Choice>();
  for (const { name, kind } of columns) {
    const spans = beforeDot(name);
    const marks = spans !== null && names.has(`${spans}.start`) && names.has(`${spans}.end`);
    const choice: Choice = marks ? { name: spans, kind: "list" } : { name, kind };
    if (!found.has(choice.name)) found.set(choice.name, choice);
  }
  return [...found.values()];
}

/** Whether such a column can hold the text for these labels; without labels, any can. */
export function holdsText(labels: ProblemType | null, kind: ColumnKind): boolean {
  if (labels === null) return true;
  return labels === "token_classification" ? kind === "text" || kind === "list" : kind !== "list";
}

/** Whether such a column can hold these labels. */
export function holdsLabels(labels: ProblemType | null, kind: ColumnKind): boolean {
  switch (labels) {
    case null:
      return true;
    case "single_label_classification":
    case "regression":
      return kind !== "list";
    case "multi_label_classification":
      return kind === "text" || kind === "list";
    case "token_classification":
      return kind === "list";
  }
}

/** The columns that could each be a label: in the rows that are shown they hold nothing but 0 and 1. */
export function ofZerosAndOnes({ columns, rows }: Inspection): string[] {
  const values = new Set<string | null>([null, "0", "1", "0.0", "1.0", "false", "true"]);
  return columns
    .filter(({ kind }, i) => kind !== "text" && kind !== "list" && rows.every((row) => values.has(row[i] ?? null)))
    .map(({ name }) => name);
}

/** What has to be chosen or changed before the data can be learned from, in a sentence. */
export function missing(found: Inspection): string | null {
  if (found.text_column_names.length === 0) return "Choose the column with the text.";
  if (found.label_column_name === null && found.label_column_names.length === 0) return "Choose the column to predict.";
  if (found.problem_type === null) {
    return "There is nothing to learn from these labels: see the note beside the data.";
  }
  return null;
}

/** What a column is to a training. */
export function role(found: Inspection, name: string): string {
  const tokens = found.problem_type === "token_classification";
  const kind = found.columns.find((column) => column.name === name)?.kind;
  const text = found.text_column_names.indexOf(name);
  if (text === 0) return tokens && kind === "list" ? "words" : "text";
  if (text > 0) return "second text";
  const label = found.label_column_name;
  if (label === name) return tokens ? "tags" : "label";
  if (tokens && label !== null && label === beforeDot(name)) return "spans";
  return found.label_column_names.includes(name) ? "label" : "unused";
}

/** The arguments with what is to be predicted, and without the columns that can't hold that. */
export function predicting(wanted: ProblemType | null, config: RunConfigJson, found: Inspection): RunConfigJson {
  const all = choices(found);
  const can = (names: string[], holds: typeof holdsText): boolean =>
    wanted !== null &&
    names.every((name) => {
      const choice = all.find((one) => one.name === name);
      return choice !== undefined && holds(wanted, choice.kind);
    });
  const { text_column_names, label_column_name, label_column_names, problem_type, ...others } = config;
  const label = found.label_column_name;
  return {
    ...others,
    ...(wanted && { problem_type: wanted }),
    // The words of tags are found better anew.
    ...(wanted !== "token_classification" && can(found.text_column_names, holdsText) && { text_column_names }),
    ...(label !== null && can([label], holdsLabels) && { label_column_name: label }),
    ...(wanted === "multi_label_classification" && label_column_names && { label_column_names }),
  };
}

/** The arguments with the columns that were found. */
export function withColumns(config: RunConfigJson, found: Inspection): RunConfigJson {
  const { text_column_names, label_column_name, label_column_names } = found;
  return {
    ...config,
    ...(text_column_names.length > 0 && { text_column_names }),
    ...(label_column_name !== null && { label_column_name }),
    ...(label_column_names.length > 0 && { label_column_names }),
  };
}

/** The items of a list's cell, which has commas between them. */
export function items(cell: string): string[] {
  return cell === "" ? [] : cell.split(", ");
}

function beforeDot(name: string): string | null {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? null : name.slice(0, dot);
}

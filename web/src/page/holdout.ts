/** Sets rows of a text file aside for evaluation, where a person has one file only. */

/** The name's ending in lower case: `csv`, `tsv`, `jsonl`, `parquet`. */
export function extension(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}

/** Whether the rows of such a file can be told apart here. */
export function canHoldOut(name: string): boolean {
  return ["csv", "tsv", "jsonl"].includes(extension(name));
}

/** The rows of a text; in CSV and TSV a line break inside quotes belongs to its row. */
export function splitRows(text: string, quoted: boolean): string[] {
  const rows: string[] = [];
  let start = 0;
  let inside = false;
  for (let at = 0; at <= text.length; at += 1) {
    const char = text[at];
    if (quoted && char === '"') inside = !inside;
    if (at === text.length || (char === "\n" && !inside)) {
      const row = text.slice(start, at).replace(/\r$/, "");
      if (row.trim() !== "") rows.push(row);
      start = at + 1;
    }
  }
  return rows;
}

/** Every tenth row for evaluation and the others for training, each with the header of CSV and TSV. */
export function holdOut(name: string, text: string): { train: string; validation: string } {
  const table = ["csv", "tsv"].includes(extension(name));
  const rows = splitRows(text.replace(/^\uFEFF/, ""), table);
  const header = table ? rows.slice(0, 1) : [];
  const body = rows.slice(header.length);
  const file = (part: string[]): string => [...header, ...part].map((row) => `${row}\n`).join("");
  return {
    train: file(body.filter((_, i) => i % 10 !== 9)),
    validation: file(body.filter((_, i) => i % 10 === 9)),
  };
}

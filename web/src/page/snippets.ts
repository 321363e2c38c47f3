/** Lines that load a trained model elsewhere, for a person to copy. */

import { readsPairs, type Trained } from "./app.js";
import { baseName } from "./format.js";

/** With transformers. */
export function python({ model, problem_type }: Pick<Trained, "model" | "problem_type">): string {
  const name = `AutoModelFor${problem_type === "token_classification" ? "Token" : "Sequence"}Classification`;
  const folder = JSON.stringify(baseName(model));
  return (
    `from transformers import ${name}, AutoTokenizer\n\n` +
    `model = ${name}.from_pretrained(${folder})\n` +
    `tokenizer = AutoTokenizer.from_pretrained(${folder})`
  );
}

/** With transformers.js, from the folder's ONNX; its pipelines read one text. */
export function javaScript(trained: Pick<Trained, "model" | "problem_type" | "config">): string {
  const folder = JSON.stringify(baseName(trained.model));
  if (readsPairs(trained)) {
    return (
      `import { AutoModelForSequenceClassification, AutoTokenizer } from "@huggingface/transformers";\n\n` +
      `const tokenizer = await AutoTokenizer.from_pretrained(${folder});\n` +
      `const model = await AutoModelForSequenceClassification.from_pretrained(${folder});\n` +
      `const { logits } = await model(tokenizer("A text.", { text_pair: "A second one." }));\n` +
      `console.log(logits.tolist());`
    );
  }
  const task = trained.problem_type === "token_classification" ? "token-classification" : "text-classification";
  return (
    `import { pipeline } from "@huggingface/transformers";\n\n` +
    `const classify = await pipeline("${task}", ${folder});\n` +
    `console.log(await classify("A text."));`
  );
}

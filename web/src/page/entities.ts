/** A text with what the model found in it marked. */

import type { Entity } from "../index.js";
import { h } from "./dom.js";
import { percent } from "./format.js";

/** The colours of a plot's lines, which types take in turn. */
const COLOURS = 4;

/** The text; each entity is followed by its type and its probability. */
export function marked(text: string, entities: readonly Entity[]): HTMLElement {
  const types = [...new Set(entities.map(({ entity_group }) => entity_group))];
  return h(
    "p",
    { class: "marked" },
    ...pieces(text, entities).map(([piece, entity]) => {
      if (!entity) return piece;
      const { entity_group, score } = entity;
      const colour = (types.indexOf(entity_group) % COLOURS) + 1;
      return h("mark", { class: `colour-${colour}` }, piece, " ", h("small", {}, `${entity_group} ${percent(score)}`));
    }),
  );
}

/**
 * The text in pieces, each with the entity that it is, if it is one. An entity's place is counted in
 * characters, of which a string of JavaScript has some as two units.
 */
export function pieces(text: string, entities: readonly Entity[]): [string, Entity | null][] {
  const characters = [...text];
  const found: [string, Entity | null][] = [];
  let at = 0;
  for (const entity of entities) {
    const end = Math.min(entity.end, characters.length);
    if (entity.start < at || entity.start >= end) continue;
    if (at < entity.start) found.push([characters.slice(at, entity.start).join(""), null]);
    found.push([characters.slice(entity.start, end).join(""), entity]);
    at = end;
  }
  if (at < characters.length) found.push([characters.slice(at).join(""), null]);
  return found;
}

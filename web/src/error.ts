/** An error of Tunesmith; its message says what happened, where, and what to do. */
export class TunesmithError extends Error {
  override readonly name = "TunesmithError";
}

/** `a`, `a or b`, `a, b or c`. */
export const enumerated = (names: ReadonlyArray<string>, word: "and" | "or"): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`

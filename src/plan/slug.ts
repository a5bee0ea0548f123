const maxCharacters = 80

/**
 * The contract's slug: lower case; only Unicode letters, digits, `_`, white space and `-` kept; runs of white space and
 * `-` become one `_`; at most 80 characters, no trailing `_`. Empty if nothing is left. Applying it twice changes nothing.
 */
export const identifier = (text: string): string => {
  const kept = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\s-]/gu, "")
    .replace(/[\s-]+/gu, "_")
  return [...kept].slice(0, maxCharacters).join("").replace(/_+$/u, "")
}

/** The slug of a step goal, as used in folder and clip names: like `identifier`, but `unnamed` if nothing is left. */
export const slug = (stepGoal: string): string => identifier(stepGoal) || "unnamed"

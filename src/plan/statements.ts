import { strip } from "./unicode.ts"

/** Where a line ends in a text without control characters, also where a model wrote `\n` out. */
const lineBreaks = /(?:\\n|[\n\u2028\u2029])+/u

const bullet = /^(?:[-*•‣◦▪·–—]|\u2022)\s+/u

/** `1.`, `2)`, `(3)`, `4:`, `5、`; not the beginning of `3.5 cm` or of `1:4`. */
const marker = /^(?:\(\d{1,3}\)|\d{1,3}\s*[.):\]、．）])\s*(?=\D|$)/u

const otherStop = /[。．｡;；,，、:：]+$/u

const sentence = (line: string): string => {
  const bare = strip(strip(line).replace(bullet, "").replace(marker, ""))
  if (bare === "" || bare.endsWith(".")) return bare
  return `${bare.replace(otherStop, "")}.`
}

/** The statements of a text, without numbers and bullets, each with its full stop. */
export const sentencesOf = (text: string): ReadonlyArray<string> =>
  text
    .split(lineBreaks)
    .map(sentence)
    .filter((line) => line !== "" && line !== ".")

/** Statements as the dataset writes them: `1. First.\n2. Second.` Empty if there are none. */
export const numberedStatements = (sentences: ReadonlyArray<string>): string =>
  sentences.map((line, i) => `${i + 1}. ${line}`).join("\n")

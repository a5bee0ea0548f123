import { jsonSize } from "./json-size.ts"

/** Deepest nesting of a value that is taken as JSON of ours; what walks over values does so by recursion. */
const deepest = 200

/** The value of a JSON text; undefined if it is none, or nested more than 200 deep. */
export const parseJson = (text: string): unknown => {
  try {
    return jsonSize(text).depth > deepest ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

import * as v from "valibot"

/** Services are not careful about what they send beside an answer: a field of any value, or none. */
export const anything = v.optional(v.unknown())

/** A field that counts as absent where it does not have this form. */
export const ifFits = <const S extends v.GenericSchema>(schema: S) =>
  v.fallback(v.optional(schema), undefined)

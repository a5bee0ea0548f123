import type { ModelRequest, ResponseFormat } from "../VisionModel.ts"

/** Keywords that strict modes refuse or read differently; the checks hold the answer to them anyway. */
const dropped = new Set([
  "$schema",
  "default",
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "multipleOf",
  "uniqueItems",
])

/** A JSON schema made to fit strict mode: no other keys, every key required, no keyword that services disagree on. */
export const strictSchema = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(strictSchema)
  if (typeof schema !== "object" || schema === null) return schema
  const entries = Object.entries(schema).filter(([key]) => !dropped.has(key))
  const inner = Object.fromEntries(
    entries.map(([key, value]) =>
      key === "properties" && typeof value === "object" && value !== null
        ? [key, Object.fromEntries(Object.entries(value).map(([name, item]) => [name, strictSchema(item)]))]
        : [key, strictSchema(value)],
    ),
  )
  const properties: unknown = Reflect.get(inner, "properties")
  return typeof properties === "object" && properties !== null
    ? { ...inner, additionalProperties: false, required: Object.keys(properties) }
    : inner
}

/** The next weaker of several formats, the strictest first; undefined below the weakest. */
export const weaker = (
  formats: ReadonlyArray<ResponseFormat>,
  format: ResponseFormat,
): ResponseFormat | undefined => formats[formats.indexOf(format) + 1]

/**
 * The form a request is really sent with: the schema does not hold for an answer of some fields.
 *
 * @param formats that the protocol has, the strictest first
 */
export const sentFormat = (
  formats: ReadonlyArray<ResponseFormat>,
  format: ResponseFormat,
  { schema, isPartial }: ModelRequest,
): ResponseFormat =>
  format === "json_schema" && (schema === undefined || isPartial === true)
    ? (weaker(formats, format) ?? "none")
    : format

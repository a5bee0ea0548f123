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

const order: ReadonlyArray<ResponseFormat> = ["json_schema", "json_object", "none"]

/** The next weaker format; undefined below the weakest. */
export const weaker = (format: ResponseFormat): ResponseFormat | undefined => order[order.indexOf(format) + 1]

/** The form a request is really sent with: the schema does not hold for an answer of some fields. */
export const sentFormat = (format: ResponseFormat, { schema, isPartial }: ModelRequest): ResponseFormat =>
  format === "json_schema" && (schema === undefined || isPartial === true) ? "json_object" : format

import type { Json } from "./replies.ts"

type Key = string | number

/** Sets (or, with undefined, removes) the value at a path such as `steps.0.step_goal`; gives the changed copy. */
export const withValue = (json: Json, path: string, value: unknown): Json => {
  const copy = structuredClone(json)
  const keys = path.split(".").map((key): Key => (/^\d+$/u.test(key) ? Number(key) : key))
  const parent = keys.slice(0, -1).reduce<unknown>((node, key) => Reflect.get(Object(node), key), copy)
  const last = keys.at(-1) ?? ""
  if (value === undefined) Reflect.deleteProperty(Object(parent), last)
  else Reflect.set(Object(parent), last, value)
  return copy
}

/** The value at a path such as `steps.0.step_goal`. */
export const valueAt = (json: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((node, key) => Reflect.get(Object(node), key), json)

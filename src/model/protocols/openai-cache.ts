import type { CacheUse } from "./Protocol.ts"

/** Marks the part of a message up to which a request is kept. */
export const breakpointFor = (cache: CacheUse | undefined) =>
  cache === "prompt" ? { prompt_cache_breakpoint: { mode: "explicit" as const } } : undefined

/** Has kept what is marked alone: left to itself the service keeps every request, at a price. */
export const cacheOptions = (cache: CacheUse | undefined) =>
  cache === undefined ? {} : { prompt_cache_options: { mode: "explicit" as const } }

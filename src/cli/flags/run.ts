import type { Flags } from "../flag.ts"
import type { batch, stages } from "./batch.ts"
import type { input } from "./input.ts"
import type { model } from "./model.ts"
import type { work } from "./work.ts"

/** The flags of a run as the command line gives them. */
export type RunFlags = Flags<typeof input & typeof batch & typeof stages & typeof work & typeof model>

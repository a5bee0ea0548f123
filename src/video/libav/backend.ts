import { Effect } from "effect"
import { inProcess } from "../../picture/picture-size.ts"
import type { Backend } from "../Backend.ts"
import { loads, makeWorkerDecoder } from "../worker-decoder.ts"
import { makeVideoWorkers, type ThreadSettings, type VideoWorkers } from "../workers.ts"
import { makeCutter } from "./cutter.ts"

const NAME = "libav"
const entry = new URL("../../../workers/libav.ts", import.meta.url)

/** The threads that run libav. A thread that is ended while it is in native code takes the whole process with it: none is. */
export const makeThreads = (settings: ThreadSettings) =>
  makeVideoWorkers({ entry, endable: false, ...settings })

/** Decodes and cuts with libav, in these threads. */
export const onThreads = (pool: VideoWorkers): Backend => ({
  name: NAME,
  available: loads(pool),
  decoder: makeWorkerDecoder(NAME, pool, inProcess),
  cutter: makeCutter(NAME, pool),
})

/** The same, in threads of its own. */
export const make = (settings: ThreadSettings) => Effect.map(makeThreads(settings), onThreads)

import { join } from "node:path"
import { Effect } from "effect"
import type { Charge } from "../client/charge.ts"
import type { ModelError } from "../VisionModel.ts"
import { onDisk } from "./disk.ts"
import { type BatchedRequest, type BatchRecord, type BatchState, batchFile, noteUsed } from "./record.ts"
import { type Located, type Result, readResult, resultsIn, wholeRefused, worthOf } from "./results.ts"

/** A result that has not been taken. */
export interface Arrived {
  readonly result: Result
  /** From the batch's beginning to its end, as the service says; 0 if it does not. */
  readonly latencyMs: number
}

/** What came of a request: of several results the one that is worth most. */
interface Seen {
  readonly at: Located
  readonly worth: number
  readonly charge: Charge | undefined
}

interface Unused {
  readonly read: () => Promise<Result | undefined>
  readonly folder: string
  readonly latencyMs: number
}

const latencyOf = ({ created_at: from, ended_at: to }: BatchState): number =>
  from === undefined || to === undefined ? 0 : Math.max(0, (to - from) * 1000)

/** Who is refused as a whole has no results: each of its requests is told why. */
const refusalOf = ({ problem, status }: BatchState): Result | undefined =>
  status === "failed"
    ? { type: "fault", code: wholeRefused, message: problem ?? "it does not say why" }
    : undefined

/** What has come of batches, from the disk to whoever asked. Of results only their places are held. */
export const makeArrivals = (chargeFor: (request: BatchedRequest, result: Result) => Charge | undefined) => {
  const arrived = new Map<string, Unused>()

  const seenIn = async ({ folder, requests }: BatchRecord) => {
    const byId = new Map(requests.map((request) => [request.custom_id, request]))
    const seen = new Map<string, Seen>()
    let strangers = 0
    for (const name of [batchFile.output, batchFile.errors])
      for await (const { id, at, result } of resultsIn(join(folder, name))) {
        const request = byId.get(id)
        const worth = worthOf(result)
        if (request === undefined) strangers++
        else if (worth > (seen.get(id)?.worth ?? 0))
          seen.set(id, { at, worth, charge: chargeFor(request, result) })
      }
    return { seen, strangers }
  }

  /**
   * Takes in what came of a batch that has ended: for each request at most one result. Gives what each has cost, those for which nothing
   * came, and how many results are of none of its requests.
   */
  const take = Effect.fnUntraced(function* (record: BatchRecord) {
    const { folder, requests, state, used } = record
    const refusal = refusalOf(state)
    const { seen, strangers } = yield* onDisk(folder, () => seenIn(record))
    const lost: Array<string> = []
    for (const { custom_id: id } of requests) {
      const found = seen.get(id)
      if (used.has(id)) continue
      if ((found ?? refusal) === undefined) {
        lost.push(id)
        continue
      }
      const read = () => (found === undefined ? Promise.resolve(refusal) : readResult(found.at))
      arrived.set(id, { read, folder, latencyMs: latencyOf(state) })
    }
    return { lost, strangers, chargeOf: (id: string) => seen.get(id)?.charge }
  })

  /** What has come for a request and was not taken. */
  const arrival = Effect.fnUntraced(function* (id: string) {
    const unused = arrived.get(id)
    if (unused === undefined) return undefined
    const result = yield* onDisk(unused.folder, unused.read)
    return result === undefined ? undefined : ({ result, latencyMs: unused.latencyMs } satisfies Arrived)
  })

  /** A result is on disk where it belongs, or was told: it is not given again. */
  const used = (id: string): Effect.Effect<void, ModelError> =>
    Effect.suspend(() => {
      const unused = arrived.get(id)
      if (unused === undefined) return Effect.void
      return Effect.tap(
        onDisk(unused.folder, () => noteUsed(unused.folder, id)),
        () => arrived.delete(id),
      )
    })

  return { take, arrival, used }
}

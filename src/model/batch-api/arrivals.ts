import { basename, join } from "node:path"
import { Effect } from "effect"
import type { Charge } from "../client/charge.ts"
import type { RequestLabel } from "../request-label.ts"
import type { ModelError } from "../VisionModel.ts"
import type { Accounts } from "./accounts.ts"
import { onDisk } from "./disk.ts"
import type { LineFormat, Result } from "./lines.ts"
import { type BatchedRequest, type BatchRecord, type BatchState, batchFile, noteUsed } from "./record.ts"
import { type Located, readResult, resultsIn, wholeRefused, worthOf } from "./results.ts"

/** A result that has not been taken. */
export interface Arrived {
  readonly result: Result
  /** From the batch's beginning to its end, as the service says; 0 if it does not. */
  readonly latencyMs: number
}

/** What came of a request: of several results the one that is worth most. */
interface Seen {
  /** The id that it has in the file. */
  readonly id: string
  readonly at: Located
  readonly worth: number
  readonly charge: Charge | undefined
}

interface Unused {
  /** Where it stands; undefined if it is the refusal of the whole batch. */
  readonly at: Pick<Seen, "at" | "id"> | undefined
  readonly refusal: Result | undefined
  readonly request: BatchedRequest
  readonly folder: string
  readonly latencyMs: number
}

const latencyOf = ({ created_at: from, ended_at: to }: BatchState): number =>
  from === undefined || to === undefined ? 0 : Math.max(0, (to - from) * 1000)

/** Who is refused as a whole has no results: each of its requests is told why. */
const refusalOf = ({ problem, queue_full, status }: BatchState): Result | undefined =>
  status === "failed" && queue_full === undefined
    ? { type: "fault", code: wholeRefused, message: problem ?? "it does not say why" }
    : undefined

/** What has come of batches, from the disk to whoever asked. Of results only their places are held. */
export const makeArrivals = (format: LineFormat, chargeFor: Accounts["chargeFor"]) => {
  const arrived = new Map<string, Unused>()

  const seenIn = async ({ folder, requests }: BatchRecord) => {
    const batch = basename(folder)
    const byId = new Map(requests.map((request) => [format.idIn(request.custom_id, batch), request]))
    const seen = new Map<string, Seen>()
    const unbegun = new Set<string>()
    let strangers = 0
    for (const name of [batchFile.output, batchFile.errors])
      for await (const { id, at, result } of resultsIn(join(folder, name), format)) {
        const request = byId.get(id)
        if (request === undefined) {
          strangers++
          continue
        }
        const { custom_id: own } = request
        const worth = worthOf(result)
        if (worth === 0) unbegun.add(own)
        if (worth > (seen.get(own)?.worth ?? 0))
          seen.set(own, { id, at, worth, charge: chargeFor?.(request, result) })
      }
    return { seen, unbegun, strangers }
  }

  /**
   * Takes in what came of a batch that has ended: for each request at most one result. Gives what each has cost, those that the
   * service did not come to, those of which it says nothing, and how many results are of none of its requests.
   */
  const take = Effect.fnUntraced(function* (record: BatchRecord) {
    const { folder, requests, state, used } = record
    const refusal = refusalOf(state)
    const { seen, strangers, unbegun } = yield* onDisk(folder, () => seenIn(record))
    const missing: Array<string> = []
    for (const request of requests) {
      const { custom_id: id } = request
      const at = seen.get(id)
      if (used.has(id)) continue
      if (at === undefined && refusal === undefined) missing.push(id)
      else arrived.set(id, { at, refusal, request, folder, latencyMs: latencyOf(state) })
    }
    return {
      unbegun: missing.filter((id) => unbegun.has(id)),
      lost: missing.filter((id) => !unbegun.has(id)),
      strangers,
      chargeOf: (id: string) => seen.get(id)?.charge,
    }
  })

  /** What has come for a request and was not taken. What somebody has changed since is gone, and said. */
  const arrival = Effect.fnUntraced(function* (id: string) {
    const unused = arrived.get(id)
    if (unused === undefined) return undefined
    const { at, folder, latencyMs, refusal } = unused
    const result = at === undefined ? refusal : yield* onDisk(folder, () => readResult(at, format))
    if (result !== undefined) return { result, latencyMs } satisfies Arrived
    arrived.delete(id)
    yield* Effect.logWarning(
      `the result of the request ${id} does not stand in ${at?.at.path ?? folder} any more, which was changed since it came: it is asked anew`,
    )
    return undefined
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

  /** A crash came between a result's way to where it belongs and the note of that, and it was found there. */
  const foundInPlace = (requestSha256: string, { attempt, stage, step, video }: RequestLabel) =>
    Effect.forEach(
      [...arrived].filter(
        ([, { request }]) =>
          request.request_sha256 === requestSha256 &&
          request.video_id === video &&
          request.stage === stage &&
          request.step === step &&
          request.attempt === attempt,
      ),
      ([id]) => used(id),
      { discard: true },
    )

  return { take, arrival, used, foundInPlace }
}

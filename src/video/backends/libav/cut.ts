import { rmSync } from "node:fs"
import type { ClipCall, CutCall, CutItem, CutReply } from "../../protocol.ts"
import { WorkerFailure, type WorkerIo } from "../../serve.ts"
import { copyPackets } from "./copy.ts"
import type { Fidelity } from "./encoder.ts"
import { FullClip } from "./full-clip.ts"
import { openInput, streamAt } from "./input.ts"
import { SmartClip } from "./smart-clip.ts"
import { PacketReader } from "./smart-packets.ts"
import { sweep, sweepFromStart } from "./sweep.ts"

/** A clip to be made, with its place in the call. */
interface Work {
  readonly place: number
  readonly clip: ClipCall
  /** Why it is not cut in the mode that was asked for. */
  readonly reason?: string
}

/** Says that a clip is whole. */
type Finish = (work: Work, how: Omit<CutItem, "clip" | "reason">) => void

const firstFrame = ({ framePts, startPts }: ClipCall): number => framePts[0] ?? startPts

/** Cuts what can be cut by copying most of it, and gives the others. */
const cutSmart = (
  call: CutCall,
  works: ReadonlyArray<Work>,
  io: WorkerIo,
  finish: Finish,
  fidelity: Fidelity,
): ReadonlyArray<Work> => {
  if (works.length === 0) return []
  using packets = new PacketReader(call, io)
  using clips = new DisposableStack()
  const begun = works.map((work) => {
    const { clip } = work
    const done = (copiedFrames: number) =>
      finish(work, { mode: "smart", firstPts: firstFrame(clip), copiedFrames })
    return { work, clip: clips.use(new SmartClip(call, clip, packets, io, fidelity, done)) }
  })
  const missed = new Set(
    sweep(
      call,
      io,
      begun.flatMap(({ clip }) => clip.runs),
    ),
  )
  for (const { clip } of begun) clip.missed(missed)
  const refused = begun.flatMap(({ work, clip: { isTooCoarse, refusal } }) =>
    refusal === undefined ? [] : [{ isTooCoarse, work: { ...work, reason: refusal } }],
  )
  const worksOf = (coarse: boolean) =>
    refused.flatMap(({ isTooCoarse, work }) => (isTooCoarse === coarse ? [work] : []))
  const again = worksOf(true).map(({ clip, place }): Work => ({ clip, place }))
  return [...worksOf(false), ...cutSmart(call, again, io, finish, "fine")]
}

/** Re-encodes all frames of the clips; each stretch of the video is decoded once. */
const reencode = (
  call: CutCall,
  works: ReadonlyArray<Work>,
  io: WorkerIo,
  finish: Finish,
  fidelity: Fidelity,
): void => {
  if (works.length === 0) return
  using input = openInput(call.file)
  using clips = new DisposableStack()
  const source = streamAt(input, call.streamIndex)
  const begin = (work: Work) => {
    const done = () => finish(work, { mode: "reencode", firstPts: firstFrame(work.clip), copiedFrames: 0 })
    return clips.use(new FullClip(work.clip, source, io, fidelity, done))
  }
  const begun = works.map((work) => ({ work, clip: begin(work) }))
  const missed = new Set(
    sweep(
      call,
      io,
      begun.map(({ clip }) => clip),
    ),
  )
  for (const entry of begun.filter(({ clip }) => missed.has(clip))) {
    const { work } = entry
    entry.clip = begin(work)
    if (sweepFromStart(call, io, entry.clip)) continue
    const { endPts, file, startPts } = work.clip
    throw new WorkerFailure(
      "CutFailed",
      `${file}: not every frame from PTS ${startPts} to ${endPts} decodes; the file is damaged there`,
    )
  }
  const coarse = begun.filter(({ clip }) => clip.isTooCoarse).map(({ work }) => work)
  reencode(call, coarse, io, finish, "fine")
}

/** Up to this rate factor no re-encoded picture of a clip may be too coarse; beyond it, that is what was asked for. */
const HIGHEST_CHECKED_CRF = 18

/** Cuts what can be cut by copying, and re-encodes the others. */
const cutSmartly = (call: CutCall, works: ReadonlyArray<Work>, io: WorkerIo, finish: Finish): void => {
  const fidelity = call.crf > HIGHEST_CHECKED_CRF ? "asked" : "checked"
  reencode(call, cutSmart(call, works, io, finish, fidelity), io, finish, fidelity)
}

/** Cuts clips. Whatever goes wrong, cancellation included, those that are not whole are removed. */
export const cut = (call: CutCall, io: WorkerIo): CutReply => {
  const { clips, type: _, ...shared } = call
  const works = clips.map((range, place): Work => ({ place, clip: { ...shared, ...range } }))
  const unfinished = new Set(works.map(({ clip }) => clip))
  const finish: Finish = ({ clip, place, reason }, how) => {
    unfinished.delete(clip)
    io.emit({ clip: place, ...how, ...(reason === undefined ? {} : { reason }) } satisfies CutItem, [])
  }
  try {
    for (const { endPts, file, framePts, startPts } of unfinished)
      if (framePts.length === 0)
        throw new WorkerFailure("CutFailed", `${file}: there is no frame from PTS ${startPts} to ${endPts}`)
    if (call.mode === "copy")
      for (const work of works) {
        const { firstPts, packets } = copyPackets(work.clip, io)
        finish(work, { mode: "copy", firstPts, copiedFrames: packets })
      }
    else if (call.mode === "smart") cutSmartly(call, works, io, finish)
    else reencode(call, works, io, finish, "asked")
    return { clips: works.length }
  } catch (error) {
    for (const { output } of unfinished) rmSync(output, { force: true })
    throw error
  }
}

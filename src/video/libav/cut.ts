import type { WorkerIo } from "../../threads/serve.ts"
import { Attempt } from "../attempt.ts"
import { COPIED_OTHERWISE } from "../copied.ts"
import type { ClipCall, CutCall, CutItem, CutReply } from "../protocol.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { copyPackets } from "./copy.ts"
import { type CopiedClip, CopyCheck } from "./copy-check.ts"
import { decodableFrames, decodeRunFromStart, decodeRuns } from "./decode-runs.ts"
import type { Fidelity } from "./encoder.ts"
import { FullClip } from "./full-clip.ts"
import { openInput, streamAt } from "./input.ts"
import { SmartClip } from "./smart-clip.ts"
import { PacketReader } from "./smart-packets.ts"

/** A clip to be made, with its place in the call. */
interface Work {
  readonly place: number
  readonly clip: ClipCall
  /** Why it is not cut in the mode that was asked for. */
  readonly reason?: string
}

/** Says that a clip is whole. */
type Finish = (work: Work, how: Omit<CutItem, "clip" | "reason">) => void

/** The same clip, written to a file of one try. */
const into = (clip: ClipCall, { path }: Attempt): ClipCall => ({ ...clip, output: path })

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
    const attempt = clips.use(new Attempt(work.clip.output))
    const clip = into(work.clip, attempt)
    const done = (copiedFrames: number) => {
      attempt.keep()
      const { length: frames } = clip.framePts
      finish(work, { mode: "smart", firstPts: firstFrame(clip), frames, copiedFrames })
    }
    return { work, clip: clips.use(new SmartClip(call, clip, packets, io, fidelity, done)) }
  })
  const missed = new Set(
    decodeRuns(
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

/**
 * Re-encodes a clip whose frames did not all come from its key frame on: from the start of the file, as everybody sees them
 * who decodes all of it. Frames that do not decode even so are left out. `true` if it has to be made anew, because a picture
 * is too coarse.
 */
const reencodeFromStart = (
  call: CutCall,
  work: Work,
  io: WorkerIo,
  begin: (framePts: ReadonlyArray<number>) => FullClip,
): boolean => {
  const { endPts, file, framePts, startPts } = work.clip
  {
    using whole = begin(framePts)
    if (decodeRunFromStart(call, io, whole)) return whole.isTooCoarse
  }
  const found = decodableFrames(call, io, framePts)
  if (found.length > 0) {
    using rest = begin(found)
    if (decodeRunFromStart(call, io, rest)) return rest.isTooCoarse
  }
  throw new VideoFailure(
    "CutFailed",
    `${file}: not one frame from PTS ${startPts} to ${endPts} decodes; the file is damaged there`,
  )
}

/** Re-encodes all frames of the clips; each range of the video is decoded once. */
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
  const begin = (work: Work, framePts: ReadonlyArray<number>) => {
    const attempt = clips.use(new Attempt(work.clip.output))
    const done = () => {
      attempt.keep()
      const [firstPts = work.clip.startPts] = framePts
      finish(work, { mode: "reencode", firstPts, frames: framePts.length, copiedFrames: 0 })
    }
    return clips.use(new FullClip({ ...into(work.clip, attempt), framePts }, source, io, fidelity, done))
  }
  const begun = works.map((work) => ({ work, clip: begin(work, work.clip.framePts) }))
  const missed = new Set(
    decodeRuns(
      call,
      io,
      begun.map(({ clip }) => clip),
    ),
  )
  const coarse = begun.flatMap(({ clip, work }) => {
    if (!missed.has(clip)) return clip.isTooCoarse ? [work] : []
    clip[Symbol.dispose]()
    return reencodeFromStart(call, work, io, (framePts) => begin(work, framePts)) ? [work] : []
  })
  reencode(call, coarse, io, finish, "fine")
}

/** Up to this rate factor no re-encoded picture of a clip may be too coarse; beyond it, that is what was asked for. */
const HIGHEST_CHECKED_CRF = 18

/** Cuts what can be cut by copying, and re-encodes the others. */
const cutSmartly = (call: CutCall, works: ReadonlyArray<Work>, io: WorkerIo, finish: Finish): void => {
  const fidelity = call.crf > HIGHEST_CHECKED_CRF ? "asked" : "checked"
  reencode(call, cutSmart(call, works, io, finish, fidelity), io, finish, fidelity)
}

/** A clip that was copied into a file of one try. */
interface Copy extends CopiedClip {
  readonly work: Work
  readonly attempt: Attempt
  readonly packets: number
}

/** Copies what decodes as in the source, and gives the others. */
const copyAlike = (
  call: CutCall,
  works: ReadonlyArray<Work>,
  io: WorkerIo,
  finish: Finish,
): ReadonlyArray<Work> => {
  using attempts = new DisposableStack()
  using check = new CopyCheck(call, io)
  const others: Array<Work> = []
  const decide = ({ attempt, firstPts, packets, work }: Copy, isAlike: boolean) => {
    if (isAlike) {
      attempt.keep()
      finish(work, { mode: "copy", firstPts, copiedFrames: packets })
    } else others.push({ ...work, reason: COPIED_OTHERWISE })
  }
  const unsure = works.flatMap((work): ReadonlyArray<Copy> => {
    const attempt = attempts.use(new Attempt(work.clip.output))
    const copied = copyPackets(into(work.clip, attempt), io)
    const copy = { ...copied, work, attempt, output: attempt.path, endPts: work.clip.endPts }
    const isAlike = check.begins(copy)
    if (isAlike === undefined) return [copy]
    decide(copy, isAlike)
    return []
  })
  check.compareWhole(unsure, decide)
  return others
}

/** Copies what decodes as in the source, and re-encodes the others. */
const copyAll = (call: CutCall, works: ReadonlyArray<Work>, io: WorkerIo, finish: Finish): void =>
  reencode(call, copyAlike(call, works, io, finish), io, finish, "asked")

/** Cuts clips. A clip gets its name when it is whole and closed; whatever goes wrong, cancellation included, no try at it stays. */
export const cut = (call: CutCall, io: WorkerIo): CutReply => {
  const { clips, type: _, ...shared } = call
  const works = clips.map((range, place): Work => ({ place, clip: { ...shared, ...range } }))
  const finish: Finish = ({ place, reason }, how) =>
    io.emit({ clip: place, ...how, ...(reason === undefined ? {} : { reason }) } satisfies CutItem, [])
  for (const { clip } of works)
    if (clip.framePts.length === 0)
      throw new VideoFailure(
        "CutFailed",
        `${clip.file}: there is no frame from PTS ${clip.startPts} to ${clip.endPts}`,
      )
  if (call.mode === "copy") copyAll(call, works, io, finish)
  else if (call.mode === "smart") cutSmartly(call, works, io, finish)
  else reencode(call, works, io, finish, "asked")
  return { clips: works.length }
}

import { join } from "node:path/posix"
import { Effect } from "effect"
import { NotPlain, sizeText } from "../files/plain.ts"
import { unreadable } from "./DatasetError.ts"
import { DatasetStore, type StoreEntry, sizeLimit } from "./DatasetStore.ts"
import {
  type CallFiles,
  isBorderFolder,
  isLevelFolder,
  isLookFolder,
  isReadingFolder,
  isStepFolder,
  layout,
} from "./layout.ts"
import { entriesIn, removeLeftovers } from "./store.ts"

/** The kinds of folders that a run writes into, each with names of its own. */
export type Place =
  | "video"
  | "stage1"
  | "stage2"
  | "borders"
  | "border"
  | "level"
  | "readings"
  | "reading"
  | "step"
  | "verify"
  | "look"
  | "frames"
  | "clips"

const { stage1, stage2, borders, readings, stage3, verify, frameManifest, sampledFrames } = layout

const callNames = ({ systemPrompt, userPrompt, rawResponse }: CallFiles): RegExp =>
  new RegExp(
    `^(?:${systemPrompt}|${userPrompt}|${rawResponse.replace(/\.txt$/u, "")}(?:\\.attempt\\d+)?\\.(?:txt|call\\.json|errors\\.json))$`,
    "u",
  )

const oneOf = (...names: ReadonlyArray<string>) => {
  const known = new Set(names)
  return (name: string): boolean => known.has(name)
}

const either =
  (...tests: ReadonlyArray<(name: string) => boolean>) =>
  (name: string): boolean =>
    tests.some((test) => test(name))

const like = (pattern: RegExp) => (name: string) => pattern.test(name)

/** Whether a name is that of a keyframe picture, `frame_007_ts_3.20s.jpg`. */
export const isKeyframe = like(/^frame_\d{3,}_ts_-?\d+\.\d{2}s\.jpg$/u)

/** The names of the files that a run makes, by the kind of folder; to the letter, so that no other is taken for one. */
const filesIn: Readonly<Record<Place, (name: string) => boolean>> = {
  video: oneOf(layout.runSummary, layout.originalSummary, layout.finalPlan),
  stage1: either(oneOf(frameManifest, stage1.draft), like(callNames(stage1.call))),
  stage2: either(oneOf(stage2.localization, stage2.segments), like(callNames(stage2.call))),
  borders: oneOf(borders.record),
  border: () => false,
  level: either(
    oneOf(frameManifest, borders.sheet, borders.sheetPicture, borders.answer),
    like(callNames(borders.call)),
  ),
  step: either(oneOf(frameManifest, stage3.final, stage3.meta), isKeyframe, like(callNames(stage3.call))),
  readings: oneOf(readings.record),
  reading: either(oneOf(readings.answer), like(callNames(readings.call))),
  verify: oneOf(borders.sheet, borders.sheetPicture),
  look: either(oneOf(verify.answer, verify.refused), like(callNames(verify.call))),
  frames: like(/^sample_\d{3,}_ts_-?\d+\.\d{2}s\.jpg$/u),
  clips: like(/^step\d{2,}_.+\.mp4$/u),
}

/** The folders within each kind of folder, apart from those that are numbered. */
const foldersIn: Readonly<Record<Place, ReadonlyMap<string, Place>>> = {
  video: new Map([
    [stage1.dir, "stage1"],
    [stage2.dir, "stage2"],
  ]),
  stage1: new Map([[sampledFrames, "frames"]]),
  stage2: new Map([
    [stage2.clips, "clips"],
    [borders.dir, "borders"],
    [readings.dir, "readings"],
  ]),
  borders: new Map(),
  border: new Map(),
  level: new Map([[sampledFrames, "frames"]]),
  step: new Map([
    [sampledFrames, "frames"],
    [verify.dir, "verify"],
  ]),
  readings: new Map(),
  reading: new Map(),
  verify: new Map(),
  look: new Map(),
  frames: new Map(),
  clips: new Map(),
}

/** Whether a run makes files of this name in a folder of this kind. */
export const isFileOf = (place: Place, name: string): boolean => filesIn[place](name)

/** The kind of a folder that is one of many, and is called after its number. */
const numberedIn = (place: Place, name: string): Place | undefined => {
  if (place === "video" && isStepFolder(name)) return "step"
  if (place === "borders" && isBorderFolder(name)) return "border"
  if (place === "readings" && isReadingFolder(name)) return "reading"
  if (place === "verify" && isLookFolder(name)) return "look"
  return place === "border" && isLevelFolder(name) ? "level" : undefined
}

/** The kind of a folder in a folder of this kind; undefined if runs make no folder of that name there. */
export const placeIn = (place: Place, name: string): Place | undefined =>
  foldersIn[place].get(name) ?? numberedIn(place, name)

/** Something in a video's folder. */
export interface Entry {
  /** Relative to the video's folder, with `/`. */
  readonly path: string
  readonly name: string
  /** The kind of folder it is in. */
  readonly place: Place
  readonly kind: StoreEntry
}

/** The key of something in a video's folder, or of the folder itself. */
const within = (root: string, path: string): string => (path === "" ? root : join(root, path))

const lookInto = (root: string, folder: string, place: Place) =>
  Effect.map(entriesIn(within(root, folder)), (found) =>
    found.map(({ name, ...kind }): Entry => ({ path: join(folder, name), name, place, kind })),
  )

/**
 * Everything in the folders that runs write into, folder by folder. Links are told, not followed, and folders of other names
 * are told, not looked into.
 */
export const entriesOf = Effect.fn("Dataset.entries")(function* (root: string) {
  const all: Array<Entry> = []
  for (let open: ReadonlyArray<readonly [string, Place]> = [["", "video"]]; open.length > 0; ) {
    const found = (yield* Effect.forEach(open, ([folder, place]) => lookInto(root, folder, place))).flat()
    all.push(...found)
    open = found.flatMap(({ path, name, place, kind }) => {
      const inner = placeIn(place, name)
      return inner !== undefined && kind.kind === "folder" ? [[path, inner] as const] : []
    })
  }
  return all
})

const limitOf = ({ name, place }: Entry): number => {
  if (place === "clips") return sizeLimit.clip
  const isPicture = place === "frames" || isKeyframe(name) || name === borders.sheetPicture
  return isPicture ? sizeLimit.picture : sizeLimit.text
}

/**
 * Why an entry must not be worked with: a link, a pipe, a device, or a file without an end has the name of something that runs
 * make.
 */
export const kindProblem = (entry: Entry): string | undefined => {
  const { name, place, kind } = entry
  if (kind.kind === "folder") return undefined
  if (kind.kind === "file") {
    const limit = limitOf(entry)
    return kind.sizeBytes > limit && isFileOf(place, name) ? sizeText(limit) : undefined
  }
  return placeIn(place, name) !== undefined || isFileOf(place, name) ? kind.problem : undefined
}

/**
 * What is in a video's folder. Fails with `NotPlain` at the first entry that must not be worked with, and at a folder that is a
 * link itself: nothing is asked or written then.
 */
export const inspectFolder = Effect.fn("Dataset.inspectFolder")(function* (root: string) {
  const entries = yield* entriesOf(root)
  for (const entry of entries) {
    const why = kindProblem(entry)
    if (why !== undefined) {
      const { locate } = yield* DatasetStore
      return yield* unreadable(locate(join(root, entry.path)))(new NotPlain(why))
    }
  }
  return entries
})

/** Removes what a crash has left in the folders that runs write into. Only while nobody writes there. */
export const sweepPlaces = Effect.fn("Dataset.sweepPlaces")(function* (
  root: string,
  entries: ReadonlyArray<Entry>,
) {
  const folders = entries.filter(
    ({ name, place, kind }) => placeIn(place, name) !== undefined && kind.kind === "folder",
  )
  for (const path of ["", ...folders.map((entry) => entry.path)]) yield* removeLeftovers(within(root, path))
})

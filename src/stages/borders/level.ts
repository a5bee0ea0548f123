import { join } from "node:path/posix"
import { layout, levelPath } from "../../dataset/layout.ts"
import type { BordersRecord } from "../../dataset/records.ts"
import type { Outcome, RunSummary } from "../../dataset/run-summary.ts"
import { type BorderAnswer, checkBorder } from "../../plan/border.ts"
import { fingerprint } from "../../plan/fingerprint.ts"
import type { Inquiry } from "../question.ts"
import { inFolder, type RunFacts } from "../run.ts"
import { borderAsks, borderPrompt, bordersId, borderTask } from "./asks.ts"
import type { LocatedBorder } from "./places.ts"
import type { Search, Window } from "./search.ts"
import { listingOf, type View } from "./view.ts"

const { borders: names, stage2 } = layout

/** The outcome of one look at a border, as `run_summary.json` has it. */
export type LevelOutcome = NonNullable<RunSummary["borders"]>["levels"][number]

/** One look at a border: which one it is. */
export interface Level {
  readonly border: LocatedBorder
  /** From 1. */
  readonly level: number
  readonly isMoved: boolean
}

/** The look that follows from how far a search is. */
export const levelOf = (border: LocatedBorder, { found }: Search, { isMoved }: Window): Level => ({
  border,
  level: found + 1,
  isMoved,
})

/** The folder of a look, relative to that of Stage 2. */
export const folderOf = ({ border, isMoved, level }: Level): string =>
  levelPath(border.number, level, isMoved)

/** The folder of a look as a key. */
export const keyOf = ({ folder }: RunFacts, level: Level): string => join(folder.stage2, folderOf(level))

/** What people call a look. */
export const textOf = ({ border, isMoved, level }: Level): string =>
  `border ${border.number}, level ${level}${isMoved ? " moved" : ""}`

/** Names of what a look leaves, relative to the video's folder. */
export const pathsOf = (run: RunFacts, level: Level) => {
  const dir = `${stage2.dir}/${folderOf(level)}`
  return {
    answer: `${dir}/${names.answer}`,
    frames: `${dir}/${listingOf(run)}`,
    system_prompt: `${dir}/${names.call.systemPrompt}`,
    user_prompt: `${dir}/${names.call.userPrompt}`,
    raw_response: `${dir}/${names.call.rawResponse}`,
  }
}

/** What is asked at one look at a border. */
export const levelInquiry = (run: RunFacts, level: Level, view: View, previous: Outcome | undefined) => {
  const { after, before } = level.border
  const frames = view.timestamps.length
  return {
    stage: bordersId,
    what: textOf(level),
    dir: keyOf(run, level),
    files: names.call,
    artefact: names.answer,
    isInPlan: true,
    inputs: fingerprint({ view: view.fingerprint, before, after, rehearsal: run.rehearsal }),
    previous,
    mayAdopt: false,
    check: (json) => checkBorder(frames, json),
    task: borderTask(),
    prompt: borderPrompt(run, level.border, view.timestamps),
    schema: borderAsks.schema(),
    images: view.images,
  } satisfies Inquiry<BorderAnswer>
}

/** What was asked at one look, and what the answer was. */
export interface Asked {
  readonly level: Level
  readonly view: View
  readonly answer: BorderAnswer
}

/** The same for the record. */
export const askedRecord = (
  run: RunFacts,
  { answer, level, view }: Asked,
): BordersRecord["borders"][number]["levels_asked"][number] => ({
  folder: inFolder(run, keyOf(run, level)),
  frames: view.timestamps.length,
  from_sec: view.timestamps[0] ?? 0,
  to_sec: view.timestamps.at(-1) ?? 0,
  ...answer,
})

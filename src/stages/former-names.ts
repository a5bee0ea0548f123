import { join } from "node:path/posix"
import { Effect } from "effect"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { clipPath, isStepFolder, layout, stepFolder } from "../dataset/layout.ts"
import type { StepSegments } from "../dataset/records.ts"
import { jsonText, syncNames } from "../dataset/store.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { put } from "./put.ts"
import { notice, type VideoRun } from "./run.ts"

const formerClip = /^step_clips\/[^/]+\.mp4$/u

/**
 * Gives clips that an earlier version named by another slug the names they have now. The records of an earlier run say which
 * clip is whose; nothing else is touched.
 *
 * @returns the segments with the names their clips have
 */
export const renameFormerClips = Effect.fn("Stage2.formerNames")(function* (
  run: VideoRun,
  recorded: StepSegments,
) {
  const changes = recorded.segments.filter(
    ({ step_id, step_goal, clip_relpath }) =>
      clip_relpath !== clipPath(step_id, step_goal) && formerClip.test(clip_relpath),
  )
  if (changes.length === 0) return recorded
  const { move } = yield* DatasetStore
  const moved = new Map<string, string>()
  for (const { step_id, step_goal, clip_relpath } of changes) {
    const to = clipPath(step_id, step_goal)
    if (yield* move(join(run.folder.stage2, clip_relpath), join(run.folder.stage2, to), "file"))
      moved.set(clip_relpath, to)
  }
  yield* syncNames(join(run.folder.stage2, layout.stage2.clips))
  const segments = recorded.segments.map((segment) => ({
    ...segment,
    clip_relpath: moved.get(segment.clip_relpath) ?? segment.clip_relpath,
  }))
  const record = { ...recorded, segments }
  yield* put(run, join(run.folder.stage2, layout.stage2.segments), jsonText(record))
  return record
})

/** Names of more letters than this may have been cut at another place. */
const wholeLetters = 70

/** Whether two names are of one goal: their rules differ in what becomes of the signs between letters. */
const isSameGoal = (one: string, other: string): boolean => {
  const [a = "", b = ""] = [one, other]
    .map((name) => name.replaceAll("_", ""))
    .toSorted((x, y) => x.length - y.length)
  return a === b || (a.length > wholeLetters && b.startsWith(a))
}

/** The folder in which an earlier run put a step, if it is a plain name of that step and its goal. */
const formerFolder = (recordedPath: string, folder: string): string | undefined => {
  const [name = "", ...rest] = recordedPath.split("/")
  return rest.length === 1 && isStepFolder(name) && isSameGoal(name, folder) ? name : undefined
}

/** The same for the folders of steps: what was paid for in them is found under their names of now. */
export const renameFormerSteps = Effect.fn("Stage3.formerNames")(function* (run: VideoRun, draft: DraftPlan) {
  const { stage3 } = yield* run.summary.progress
  const { move } = yield* DatasetStore
  const moved = new Map<number, string>()
  for (const { step_id, step_final } of stage3?.steps ?? []) {
    const goal = draft.steps.find((step) => step.step_id === step_id)?.step_goal
    if (goal === undefined) continue
    const to = stepFolder(step_id, goal)
    const from = formerFolder(step_final, to)
    if (
      from === undefined ||
      from === to ||
      !(yield* move(join(run.folder.key, from), join(run.folder.key, to), "folder"))
    )
      continue
    moved.set(step_id, to)
    yield* notice(run, `the folder ${from} is called ${to} now, as the rule for names has it`)
  }
  if (moved.size === 0) return
  yield* syncNames(run.folder.key)
  yield* run.summary.update((progress) => {
    if (progress.stage3 === undefined) return progress
    const steps = progress.stage3.steps.map((step) => {
      const folder = moved.get(step.step_id)
      const inFolder = (path: string) => (folder === undefined ? path : path.replace(/^[^/]+/u, folder))
      return {
        ...step,
        step_final: inFolder(step.step_final),
        step_meta: inFolder(step.step_meta),
        frame_manifest: inFolder(step.frame_manifest),
        system_prompt: inFolder(step.system_prompt),
        user_prompt: inFolder(step.user_prompt),
        raw_response: inFolder(step.raw_response),
      }
    })
    const names = new Map(
      progress.stage3.steps.map(({ step_final, step_id }) => [step_final.split("/")[0], moved.get(step_id)]),
    )
    const files = Object.fromEntries(
      Object.entries(progress.files ?? {}).map(([path, digest]) => {
        const to = names.get(path.split("/")[0])
        return [to === undefined ? path : path.replace(/^[^/]+/u, to), digest]
      }),
    )
    return { ...progress, stage3: { ...progress.stage3, steps }, files }
  })
})

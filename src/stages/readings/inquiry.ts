import { join } from "node:path/posix"
import { layout, readingPath } from "../../dataset/layout.ts"
import type { Outcome, RunSummary } from "../../dataset/run-summary.ts"
import type { Progress } from "../../dataset/summary.ts"
import { fingerprint } from "../../plan/fingerprint.ts"
import type { Localization } from "../../plan/localization.ts"
import type { Drafted } from "../draft.ts"
import { localizationInquiry } from "../localize.ts"
import type { Inquiry } from "../question.ts"
import type { RunFacts } from "../run.ts"

const { readings: names, stage2 } = layout

/** What the stage that asks for further readings is called. */
export const readingsId = { name: "readings", number: 2 } as const

/** The numbers of the further readings of a run with so many samples. */
export const readingNumbers = (samples = 1): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, samples - 1) }, (_, i) => i + 2)

/** The outcome of one further reading, as `run_summary.json` has it. */
export type ReadingOutcome = NonNullable<RunSummary["readings"]>["readings"][number]

/** How an earlier run has asked for a reading; its number is from 2 on, the first is Stage 2's own. */
export const readingOutcome = (
  { readings }: Pick<Progress, "readings">,
  number: number,
): ReadingOutcome | undefined => readings?.readings.find(({ reading }) => reading === number)

/** Names of what a reading leaves, relative to the video's folder. */
export const readingPaths = (number: number) => {
  const dir = `${stage2.dir}/${readingPath(number)}`
  return {
    answer: `${dir}/${names.answer}`,
    system_prompt: `${dir}/${names.call.systemPrompt}`,
    user_prompt: `${dir}/${names.call.userPrompt}`,
    raw_response: `${dir}/${names.call.rawResponse}`,
  }
}

/** What is added to the prompt: without it the request were the same, and a service, or a recording, might give the same reply. */
const anotherReading = (number: number): string =>
  [
    "",
    "",
    "# Another reading",
    "",
    `This is reading ${number} of the same question. Decide from the images alone, as if nobody had been asked before.`,
  ].join("\n")

/** What is asked for a further reading: all that the first one was asked. */
export const readingInquiry = (
  run: RunFacts,
  drafted: Drafted,
  number: number,
  previous: Outcome | undefined,
): Inquiry<Localization> => {
  const first = localizationInquiry(run, drafted, previous)
  return {
    ...first,
    stage: readingsId,
    what: `reading ${number}`,
    dir: join(run.folder.stage2, readingPath(number)),
    files: names.call,
    artefact: names.answer,
    inputs: fingerprint({ first: first.inputs, reading: number }),
    mayAdopt: false,
    task: { ...first.task, stage: readingsId.name },
    prompt: `${first.prompt}${anotherReading(number)}`,
  }
}

import { stageNumbers, stagesNumbered } from "../stages/list.ts"
import { enumerated } from "../text/enumerated.ts"
import type { Operands } from "./arguments.ts"
import { type FlagHelp, helpOf } from "./flag.ts"
import * as batchFlags from "./flags/batch.ts"
import * as commandFlags from "./flags/commands.ts"
import * as inputFlags from "./flags/input.ts"
import * as modelFlags from "./flags/model.ts"
import { compare, convert, evaluate, evaluated, score } from "./flags/scoring.ts"
import * as workFlags from "./flags/work.ts"

interface Section {
  readonly title: string
  readonly flags: ReadonlyArray<object>
}

interface CommandHelp {
  readonly summary: string
  /** Arguments without a flag; absent if there may be none. */
  readonly operands?: Operands
  readonly usage: string
  readonly sections: ReadonlyArray<Section>
  readonly examples: ReadonlyArray<string>
  /** Where they differ from those of the others. */
  readonly exitCodes?: string
}

/** The flags of a group, those in groups within it too. */
const flagsIn = (group: object): ReadonlyArray<object> =>
  Object.values(group).flatMap((each: object) => (helpOf(each) === undefined ? flagsIn(each) : [each]))

const input: Section = { title: "Input and output", flags: Object.values(inputFlags.input) }
const batch: Section = { title: "Batches", flags: Object.values(batchFlags.batch) }
const stages: Section = { title: "Stages", flags: Object.values(batchFlags.stages) }
const model: Section = { title: "Model", flags: Object.values(modelFlags.model) }
const work: Section = { title: "Frames, clips and answers", flags: flagsIn(workFlags.work) }

/** The input flags of a command whose videos come from elsewhere. */
const ownInput = Object.values(evaluate).filter((each) => input.flags.includes(each))

const single = (number: number): CommandHelp => ({
  summary: `Stage ${number} alone: ${enumerated(
    stagesNumbered(number).map(({ summary }) => summary),
    "and",
  )}`,
  usage: `bun run stage${number} --input-video FILE [options]`,
  sections: [input, batch, model, { ...work, flags: [...Object.values(workFlags.single), ...work.flags] }],
  examples: [`bun run stage${number} --input-video video.mp4 --rehearsal`],
})

/** The commands in the order in which they are listed. */
export const commandHelp: Readonly<Record<string, CommandHelp>> = {
  pipeline: {
    summary: "Turn a video, or a folder of videos, into validated causal-step datasets",
    usage: "bun run pipeline --input-video FILE | --input-video-dir DIR [options]",
    sections: [input, batch, stages, model, work],
    examples: [
      "bun run pipeline --input-video cooking.mp4 --rehearsal",
      "API_KEY=... bun run pipeline --input-video cooking.mp4 --api-base https://example.com/v1 --model some-vlm",
      "bun run pipeline --input-video-dir videos --output-root dataset --continue-on-error --rehearsal",
    ],
  },
  ...Object.fromEntries(stageNumbers.map((number) => [`stage${number}`, single(number)])),
  validate: {
    summary: "Check finished folders against the rules of the dataset, without a model",
    operands: { usage: "DIR ...", least: 0, most: Number.POSITIVE_INFINITY },
    usage: "bun run validate DIR ... | --video-output-dir DIR | --output-root DIR | --self-test [options]",
    sections: [{ title: "Options", flags: Object.values(commandFlags.validate) }],
    examples: [
      "bun run validate dataset",
      "bun run validate --output-root dataset --report-json report.json",
    ],
  },
  status: {
    summary: "Tell how an output root stands: done, failed and why, running, not started, cost",
    usage: "bun run status --output-root DIR [options]",
    sections: [{ title: "Options", flags: Object.values(commandFlags.status) }],
    examples: ["bun run status --output-root dataset --watch"],
    exitCodes:
      "Exit codes: 0 all done, 1 a video failed, 2 wrong usage, 3 nothing failed but not all is done.",
  },
  score: {
    summary: "Compare steps with gold: segments, boundaries, keyframes, and what they cost",
    usage: "bun run score --gold PATH --output-root DIR | --predictions PATH [options]",
    sections: [{ title: "Options", flags: Object.values(score) }],
    examples: ["bun run score --gold gold.csv --output-root dataset --lanes lanes.svg"],
  },
  compare: {
    summary: "Tell whether one run is better than another by gold, or how far they agree",
    operands: { usage: "A B", least: 2, most: 2 },
    usage: "bun run compare A B [--gold PATH] [options]; A and B are output roots or files of segments",
    sections: [{ title: "Options", flags: Object.values(compare) }],
    examples: ["bun run compare dataset-before dataset --gold gold.csv"],
  },
  evaluate: {
    summary: "Run the stages on the videos of gold, score the result, and write one report",
    usage: "bun run evaluate --gold PATH [options]",
    sections: [
      { title: "Gold", flags: Object.values(evaluated) },
      { title: "Output", flags: ownInput },
      batch,
      stages,
      model,
      work,
    ],
    examples: [
      "API_KEY=... bun run evaluate --gold wgo.parquet --limit 10 --api-base https://example.com/v1 --model some-vlm --continue-on-error",
    ],
  },
  convert: {
    summary: "Write gold, or the steps of finished videos, in a format that other programs read",
    usage: "bun run convert --gold PATH --to NAME --output DIR [options]",
    sections: [{ title: "Options", flags: Object.values(convert) }],
    examples: ["bun run convert --gold dataset --to elan --output to-correct"],
  },
  frames: {
    summary: "Decode single frames of a video again, byte for byte as in a manifest",
    usage: "bun run frames --video FILE --at T [--at T ...] [options]",
    sections: [{ title: "Options", flags: Object.values(commandFlags.frames) }],
    examples: ["bun run frames --video cooking.mp4 --at 12.5 --at 40.04"],
  },
  demo: {
    summary:
      "Draw a short video, run everything on it with answers written by hand, and show what an annotation is",
    usage: "bun run demo [options]",
    sections: [{ title: "Options", flags: Object.values(commandFlags.demo) }],
    examples: [],
  },
}

const column = 34

const flagLine = ({ name, value, help, fallback }: FlagHelp): string => {
  const head = `  --${name}${value === undefined ? "" : ` ${value}`}`
  const tail = fallback === undefined ? help : `${help} (default ${fallback})`
  return head.length < column ? `${head.padEnd(column)}${tail}` : `${head}\n${" ".repeat(column)}${tail}`
}

const exitCodes =
  "Exit codes: 0 all done, 1 a video failed, 2 wrong usage or missing configuration, 4 batches under way, 130 interrupted."

const commandText = ({ summary, usage, sections, examples, ...more }: CommandHelp): string =>
  [
    `${summary}.`,
    "",
    `Usage: ${usage}`,
    ...sections.flatMap(({ title, flags: list }) => [
      "",
      `${title}:`,
      ...list.flatMap((flag) => helpOf(flag) ?? []).map(flagLine),
    ]),
    ...(examples.length === 0 ? [] : ["", "Examples:", ...examples.map((example) => `  ${example}`)]),
    "",
    more.exitCodes ?? exitCodes,
  ].join("\n")

const overview = (): string =>
  [
    "Long videos in, validated causal-step datasets out.",
    "",
    "Usage: bun run COMMAND [options]",
    "",
    "Commands:",
    ...Object.entries(commandHelp).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`),
    "",
    "Start here:  bun run demo",
    "Then:        bun run pipeline --input-video FILE --rehearsal",
    "All options: bun run COMMAND --help",
    "",
    exitCodes,
  ].join("\n")

/** The help of a command, or of the program. */
export const helpText = (command: string | undefined): string => {
  const help = command === undefined ? undefined : commandHelp[command]
  return help === undefined ? overview() : commandText(help)
}

/** The flags of a command, in the order of its help. */
export const flagsOf = (command: string): ReadonlyArray<FlagHelp> =>
  (commandHelp[command]?.sections ?? []).flatMap((section) =>
    section.flags.flatMap((flag) => helpOf(flag) ?? []),
  )

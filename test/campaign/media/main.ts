import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { root } from "../../support/folders.ts"
import { campaignFiles } from "./files/all.ts"
import { isWell, summary, trialText } from "./report.ts"
import { decoders } from "./run.ts"
import { fallbackRules, type Settings, type Trial, tryFile } from "./trial.ts"

const help = `Runs the program on odd and damaged files with every decoder, and compares what it makes with a decode of the whole file by
the programs ffmpeg and ffprobe, which have to be installed. Linux only: it looks at /proc.

Usage: bun run campaign:media [options]

  --count N         how many files (default 400); fewer are a sample of the same
  --seed TEXT       other damage, another order (default 1)
  --decoder LIST    native, ffmpeg, wasm, or several with commas (default all)
  --fallback RULE   without, with, or mixed: whether other decoders may be asked (default mixed)
  --only LIST       only files whose ID contains one of these texts
  --jobs N          files at a time (default 2)
  --seconds N       longest a run may take (default 60)
  --megabytes N     most memory it may hold (default 1000)
  --report DIR      where the report and what failed go (default campaign-report)
  --keep            keep files and output of runs that are well, too
  --list            print the IDs and stop
  --help            this text

A file that failed stays in DIR/files/ID/ with what each decoder made of it. To do it again: --only ID`

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "400" },
    seed: { type: "string", default: "1" },
    decoder: { type: "string", default: decoders.join() },
    fallback: { type: "string", default: "mixed" },
    only: { type: "string", default: "" },
    jobs: { type: "string", default: "2" },
    seconds: { type: "string", default: "60" },
    megabytes: { type: "string", default: "1000" },
    report: { type: "string", default: "campaign-report" },
    keep: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})

/** Does something with all of a list, so many at a time. */
const inParallel = async <A>(
  list: ReadonlyArray<A>,
  jobs: number,
  run: (item: A) => Promise<void>,
): Promise<void> => {
  const left = list.values()
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (const item of left) await run(item)
    }),
  )
}

const settings: Settings = {
  decoders: decoders.filter((name) => values.decoder.split(",").includes(name)),
  fallback: fallbackRules.find((rule) => rule === values.fallback) ?? "mixed",
  bounds: { seconds: Number(values.seconds), megabytes: Number(values.megabytes) },
  work: join(resolve(values.report), "files"),
  keeps: values.keep,
}

const main = async (): Promise<number> => {
  if (values.help) {
    console.log(help)
    return 0
  }
  const wanted = values.only.split(",").filter((text) => text !== "")
  const all = campaignFiles(values.seed, Number(values.count))
  const files = all.filter(({ id }) => wanted.length === 0 || wanted.some((text) => id.includes(text)))
  if (values.list) {
    for (const { id } of files) console.log(id)
    return 0
  }
  mkdirSync(settings.work, { recursive: true })
  const trials: Array<Trial> = []
  const broken: Array<string> = []
  await inParallel(files, Number(values.jobs), async (file) => {
    try {
      const done = await tryFile(file, settings)
      trials.push(...done)
      for (const trial of done) console.log(trialText(trial))
    } catch (error) {
      broken.push(file.id)
      console.log(
        `BAD  ${file.id}: the campaign itself failed: ${error instanceof Error ? error.message : error}`,
      )
    }
    writeFileSync(
      join(resolve(values.report), "media.json"),
      `${JSON.stringify({ trials, broken }, null, 2)}\n`,
    )
  })
  console.log(`\n${summary(trials)}`)
  const bad = [...broken, ...new Set(trials.filter((trial) => !isWell(trial)).map(({ id }) => id))]
  console.log(bad.length === 0 ? "all is well" : `${bad.length} files are not well:\n${bad.join("\n")}`)
  return bad.length === 0 ? 0 : 1
}

const code = await main()
rmSync(root, { recursive: true, force: true })
process.exit(code)

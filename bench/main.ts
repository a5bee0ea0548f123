import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { root } from "../test/support/folders.ts"
import { batchCases } from "./batch/cases.ts"
import type { BenchCase, Figures } from "./case.ts"
import { costCases } from "./cost/cases.ts"
import { costTable } from "./cost/table.ts"
import { cutCases } from "./cut/cases.ts"
import { gateCases } from "./model/gate.ts"
import { requestCases } from "./model/request.ts"
import { borderCases, doubtCases, qualityCases } from "./quality/cases.ts"
import { qualityChart } from "./quality/chart.ts"
import { inputCases } from "./quality/inputs.ts"
import { caseLine, chart, comparison, makeReport, type Report, ratios } from "./report.ts"
import { decoderCases, decoders } from "./video/cases.ts"
import { makeLongVideo, makeShortVideos } from "./video/media.ts"
import { peerCases } from "./video/peers.ts"

const help = `Measures frame sampling, cutting, the model layer, whole runs, what they cost and how right they are. Every video case runs in a process of its own.

Usage: bun run bench [options]

  --video FILE      sample and cut this video instead of a generated one
  --only TEXT       run only the cases whose name contains TEXT
  --peers           also run ffmpeg, OpenCV, PyAV, decord and torchcodec, where installed (BENCH_PYTHON names the Python)
  --quick           a short generated video and few calls, to see that everything runs
  --json FILE       where the report goes (default bench-report/report.json)
  --compare FILE    print the times against those of a saved report
  --help            this text`

const { values } = parseArgs({
  options: {
    video: { type: "string" },
    only: { type: "string", default: "" },
    peers: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    json: { type: "string", default: "bench-report/report.json" },
    compare: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

const isWanted = ({ name }: BenchCase): boolean => name.includes(values.only)

/** The cases that make what they need themselves. */
const casesWithoutVideos = (): ReadonlyArray<BenchCase> => [
  ...costCases(values.quick),
  ...gateCases(values.quick ? 20 : 600),
  ...requestCases,
  ...qualityCases(values.quick),
  ...borderCases(values.quick),
  ...inputCases(values.quick),
  ...doubtCases(values.quick),
]

const casesOf = async (work: string): Promise<ReadonlyArray<BenchCase>> => {
  const others = casesWithoutVideos()
  // Whoever asks for one of them does not want to wait for long videos.
  if (values.only !== "" && others.some(isWanted)) return others.filter(isWanted)
  const long =
    values.video === undefined ? await makeLongVideo(work, values.quick ? 600 : 9000) : resolve(values.video)
  const many = await makeShortVideos(work, values.quick ? 5 : 200)
  const short = many.slice(0, 40)
  const all = [
    ...decoders.flatMap((decoder) => decoderCases(decoder, { long, short })),
    ...(values.peers ? await peerCases(long) : []),
    ...cutCases(long, values.peers),
    ...batchCases(long, many, values.quick),
    ...others,
  ]
  return all.filter(isWanted)
}

const main = async (): Promise<void> => {
  if (values.help) {
    console.log(help)
    return
  }
  if (values.video !== undefined && !existsSync(values.video)) {
    console.error(`error: ${resolve(values.video)} does not exist`)
    process.exitCode = 2
    return
  }
  const work = mkdtempSync(join(tmpdir(), "triptych-bench-"))
  try {
    const results: Record<string, Figures> = {}
    for (const { name, run } of await casesOf(work)) {
      results[name] = await run()
      console.log(caseLine(name, results[name]))
    }
    const report = makeReport(results)
    console.log(["", ...ratios(results, "native: 50 frames")].join("\n"))
    if (values.compare !== undefined) {
      const before: Report = JSON.parse(readFileSync(values.compare, "utf8"))
      console.log(["", ...comparison(before, report)].join("\n"))
    }
    const path = resolve(values.json)
    mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
    const names = Object.keys(results).filter((name) => name.endsWith(": 50 frames"))
    const picture = path.replace(/\.json$/u, ".svg")
    if (names.length > 0)
      writeFileSync(picture, chart(report, "50 frames spread over one video, as JPEG or raw", names))
    const costs = costTable(results)
    if (costs !== undefined) console.log(`\n${costs}`)
    const quality = qualityChart(results)
    const qualityPicture = path.replace(/\.json$/u, ".quality.svg")
    if (quality !== undefined) writeFileSync(qualityPicture, quality)
    const charts = [
      ...(names.length > 0 ? [picture] : []),
      ...(quality === undefined ? [] : [qualityPicture]),
    ]
    console.log([`\nReport: ${path}`, ...charts.map((chartPath) => `Chart:  ${chartPath}`)].join("\n"))
  } finally {
    for (const path of [work, root]) rmSync(path, { recursive: true, force: true })
  }
}

await main()
process.exit()

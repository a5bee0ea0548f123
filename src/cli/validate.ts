import { basename, dirname, join, resolve } from "node:path"
import { Args, Command } from "@effect/cli"
import { Console, Effect, Option } from "effect"
import { localStore, writeLocalFile } from "../dataset/local-store.ts"
import { jsonText } from "../dataset/store.ts"
import { type DecodeClip, errorsAmong, type Finding, validateFolder } from "../dataset/validate.ts"
import * as Layers from "../layers.ts"
import { type Check, checkTools } from "../preflight.ts"
import { printable, printableJson } from "../text/printable.ts"
import { plural } from "../text/quantity.ts"
import { ClipCutter } from "../video/ClipCutter.ts"
import * as flags from "./flags/commands.ts"
import { folderKind, isFolder, requireOutputRoot } from "./folders.ts"
import { selfTest } from "./self-test.ts"
import { quoted } from "./shell.ts"
import { exitCode, UsageError } from "./usage.ts"

/** The folders of videos below an output root. */
const foldersBelow = Effect.fn("Cli.foldersBelow")(function* (root: string) {
  const names = (yield* localStore(root).list("")).filter((name) => !name.startsWith("."))
  const folders = names.map((name) => join(root, name)).filter(isFolder)
  if (folders.length === 0) return yield* new UsageError({ message: `${root} holds no video folders` })
  return folders
})

/** The folder of one video, by the path a person gives for it. */
const videoFolderAt = Effect.fn("Cli.videoFolderAt")(function* (path: string) {
  const kind = yield* folderKind(path)
  if (kind === "absent")
    return yield* new UsageError({ message: `${path} is not a folder: it does not exist` })
  if (kind === "file")
    return yield* new UsageError({
      message: `${path} is not a folder; validate takes folders that a run has made`,
    })
  if (kind === "part of a video")
    return yield* new UsageError({
      message: `${path} is a part of the folder of one video; give ${quoted(dirname(path))}`,
    })
  return { path, kind }
})

interface Where {
  readonly operands: ReadonlyArray<string>
  readonly videoOutputDir: Option.Option<string>
  readonly outputRoot: Option.Option<string>
  readonly selfTest: boolean
}

/** All folders to check, absolute. An argument without a flag may be either, the folder of a video or an output root. */
const foldersOf = Effect.fn("Cli.foldersToValidate")(function* ({
  operands,
  videoOutputDir,
  outputRoot,
  selfTest,
}: Where) {
  const given = Number(operands.length > 0) + [videoOutputDir, outputRoot].filter(Option.isSome).length
  if (given + Number(selfTest) !== 1) {
    const message = "give DIR, --video-output-dir DIR, --output-root DIR or --self-test, and only one of them"
    return yield* new UsageError({ message })
  }
  if (selfTest) return []
  if (Option.isSome(outputRoot)) {
    const { path, kind } = yield* requireOutputRoot(outputRoot.value)
    if (kind === "absent")
      return yield* new UsageError({ message: `${path} is not a folder: it does not exist` })
    return yield* foldersBelow(path)
  }
  if (Option.isSome(videoOutputDir)) {
    const { path, kind } = yield* videoFolderAt(resolve(videoOutputDir.value))
    if (kind !== "root") return [path]
    const message = `${path} is an output root and not the folder of one video; give --output-root ${quoted(path)}`
    return yield* new UsageError({ message })
  }
  const folders = yield* Effect.forEach(operands, (operand) =>
    Effect.flatMap(videoFolderAt(resolve(operand)), ({ path, kind }) =>
      kind === "root" ? foldersBelow(path) : Effect.succeed([path]),
    ),
  )
  return [...new Set(folders.flat())]
})

/** The findings that make a folder invalid. */
const countingAs = (findings: ReadonlyArray<Finding>, withWarnings: boolean): ReadonlyArray<Finding> =>
  withWarnings ? findings : errorsAmong(findings)

interface FolderReport {
  readonly folder: string
  readonly ok: boolean
  readonly findings: ReadonlyArray<Finding>
}

const printReport = Effect.fn("Cli.printFindings")(function* ({ folder, ok, findings }: FolderReport) {
  yield* Console.log(`${ok ? "valid  " : "invalid"}  ${printable(folder)}`)
  for (const { file, message, severity } of findings)
    yield* Console.log(printable(`  ${severity === "warning" ? "warning: " : ""}${file}: ${message}`))
})

/** @param decode decodes the clips too */
const reportOn = Effect.fn("Cli.validateFolder")(function* (
  folder: string,
  failOnWarnings: boolean,
  decode?: DecodeClip,
) {
  const findings = yield* validateFolder(folder, decode)
  const report: FolderReport = { folder, ok: countingAs(findings, failOnWarnings).length === 0, findings }
  yield* printReport(report)
  return report
})

/** `validate`: checks finished folders without a model. */
export const validateCommand = (
  report: (code: number) => Effect.Effect<void>,
  reportChecks: (checks: ReadonlyArray<Check>) => Effect.Effect<boolean>,
) =>
  Command.make(
    "validate",
    { ...flags.validate, operands: Args.repeated(Args.text({ name: "DIR" })) },
    (given) =>
      Effect.gen(function* () {
        const folders = yield* foldersOf(given)
        const video = Layers.video(
          Option.match(given.ffmpegBin, { onNone: () => ({}), onSome: (ffmpegBin) => ({ ffmpegBin }) }),
        )
        const checks = given.checkDeps ? yield* Effect.provide(checkTools(), video) : []
        const tested = given.selfTest ? yield* selfTest() : []
        const checksPass = yield* reportChecks([...checks, ...tested])
        const check = (decode?: DecodeClip) =>
          Effect.forEach(folders, (folder) => reportOn(folder, given.failOnWarnings, decode))
        const reports =
          given.quick || given.selfTest
            ? yield* check()
            : yield* Effect.provide(
                Effect.flatMap(ClipCutter, ({ decode }) => check(decode)),
                video,
              )
        const invalid = reports.filter(({ ok }) => !ok)
        if (reports.length > 1)
          yield* Console.log(`${reports.length - invalid.length} valid, ${invalid.length} invalid`)
        for (const { folder, findings } of invalid) {
          const count = plural(countingAs(findings, given.failOnWarnings).length, "problem")
          yield* Console.error(`error: ${printable(basename(folder))} is not valid (${count})`)
        }
        const ok = invalid.length === 0 && checksPass
        if (Option.isSome(given.reportJson)) {
          const json = printableJson(jsonText({ ok, checks: [...checks, ...tested], videos: reports }))
          yield* writeLocalFile(resolve(given.reportJson.value), json)
        }
        yield* report(ok ? exitCode.done : exitCode.failed)
      }),
  )

import { stat } from "node:fs/promises"
import { basename, join, resolve } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Option } from "effect"

import { jsonText, listFolder, writeFile } from "../dataset/store.ts"
import { errorsAmong, type Finding, validateFolder } from "../dataset/validate.ts"
import * as Layers from "../layers.ts"
import { type Check, checkTools } from "../preflight.ts"
import * as flags from "./flags.ts"
import { exitCode, UsageError } from "./usage.ts"

const isFolder = (path: string) =>
  Effect.promise(() =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ),
  )

const foldersOf = Effect.fn("Cli.foldersToValidate")(function* (
  one: Option.Option<string>,
  root: Option.Option<string>,
) {
  if (Option.isSome(one) === Option.isSome(root)) {
    return yield* new UsageError({ message: "give either --video-output-dir DIR or --output-root DIR" })
  }
  const path = resolve(Option.getOrElse(one, () => Option.getOrElse(root, () => ".")))
  if (!(yield* isFolder(path))) return yield* new UsageError({ message: `${path} is not a folder` })
  if (Option.isSome(one)) return [path]
  const folders: Array<string> = []
  for (const name of yield* listFolder(path)) {
    if (!name.startsWith(".") && (yield* isFolder(join(path, name)))) folders.push(join(path, name))
  }
  if (folders.length === 0) return yield* new UsageError({ message: `${path} holds no video folders` })
  return folders
})

interface FolderReport {
  readonly folder: string
  readonly ok: boolean
  readonly findings: ReadonlyArray<Finding>
}

const printReport = Effect.fn("Cli.printFindings")(function* ({ folder, ok, findings }: FolderReport) {
  yield* Console.log(ok ? `valid    ${folder}` : `invalid  ${folder}`)
  for (const { file, message, severity } of findings)
    yield* Console.log(`  ${severity === "warning" ? "warning: " : ""}${file}: ${message}`)
})

/** `validate`: checks finished folders without a model. */
export const validateCommand = (
  report: (code: number) => Effect.Effect<void>,
  reportChecks: (checks: ReadonlyArray<Check>) => Effect.Effect<boolean>,
) =>
  Command.make("validate", flags.validate, (given) =>
    Effect.gen(function* () {
      const folders = yield* foldersOf(given.videoOutputDir, given.outputRoot)
      const video = Layers.video(
        Option.match(given.ffmpegBin, { onNone: () => ({}), onSome: (ffmpegBin) => ({ ffmpegBin }) }),
      )
      const checks = given.checkDeps ? yield* Effect.provide(checkTools(), video) : []
      const toolsWork = yield* reportChecks(checks)
      const reports: Array<FolderReport> = []
      for (const folder of folders) {
        const findings = yield* validateFolder(folder)
        const one = { folder, ok: errorsAmong(findings).length === 0, findings }
        reports.push(one)
        yield* printReport(one)
      }
      const invalid = reports.filter(({ ok }) => !ok)
      if (reports.length > 1)
        yield* Console.log(`${reports.length - invalid.length} valid, ${invalid.length} invalid`)
      for (const { folder, findings } of invalid) {
        const problems = errorsAmong(findings).length
        const count = problems === 1 ? "1 problem" : `${problems} problems`
        yield* Console.error(`error: ${basename(folder)} is not valid (${count})`)
      }
      const ok = invalid.length === 0 && toolsWork
      if (Option.isSome(given.reportJson)) {
        yield* writeFile(resolve(given.reportJson.value), jsonText({ ok, checks, videos: reports }))
      }
      yield* report(ok ? exitCode.done : exitCode.failed)
    }),
  )

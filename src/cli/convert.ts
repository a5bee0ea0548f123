import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Either, Option } from "effect"
import { writeLocalFile } from "../dataset/local-store.ts"
import { writeGold } from "../quality/writers/writers.ts"
import { printable } from "../text/printable.ts"
import { count } from "../text/quantity.ts"
import * as flags from "./flags/scoring.ts"
import { goldAt, orMissing } from "./runs.ts"
import { exitCode, UsageError } from "./usage.ts"

/** `convert`: writes gold, or the steps of finished videos, in a format that other programs read. */
export const convertCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("convert", flags.convert, (given) =>
    Effect.gen(function* () {
      const { videos, report: found } = yield* goldAt(given)
      const settings = {
        format: given.to,
        ...(Option.isSome(given.fps) ? { frameRate: given.fps.value } : {}),
      }
      const files = yield* Either.mapLeft(writeGold(videos, settings), orMissing("--fps X"))
      const folder = resolve(given.output)
      // A person's corrections may be in there.
      const taken = files.find(({ path }) => existsSync(join(folder, path)))
      if (taken !== undefined)
        return yield* new UsageError({
          message: `${join(folder, taken.path)} is there already; nothing was written. Give another --output`,
        })
      for (const { path, text } of files) yield* writeLocalFile(join(folder, path), text)
      for (const reason of found.leftOut) yield* Console.error(printable(`left out: ${reason}`))
      yield* Console.log(
        printable(
          `${count(found.segments)} segments of ${count(found.videos)} videos in ${count(files.length)} files of ${folder}`,
        ),
      )
      yield* report(exitCode.done)
    }),
  )

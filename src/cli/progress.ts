import { MultiBar, type SingleBar } from "cli-progress"
import { Effect, Layer } from "effect"
import type { StageNumber } from "../config.ts"
import { type RunEvent, RunEvents } from "../events.ts"

const stageNames: Readonly<Record<StageNumber, string>> = { 1: "draft", 2: "localise", 3: "refine" }

/** One plain line for an event; undefined for those that only move a bar or, unless `verbose`, say nothing new. */
export const eventLine = (event: RunEvent, verbose: boolean): string | undefined => {
  switch (event.type) {
    case "VideoStarted":
      return `${event.videoId}: started, ${event.file}`
    case "StageStarted":
      return undefined
    case "StageAdvanced":
      if (event.kept && !verbose) return undefined
      return `${event.videoId}: stage ${event.stage} ${stageNames[event.stage]}: ${event.what} ${event.kept ? "kept" : "done"}`
    case "AnswerRejected": {
      const [first = "", ...others] = event.problems
      const head = `${event.videoId}: stage ${event.stage} ${stageNames[event.stage]}: answer ${event.attempt} for the ${event.what} rejected`
      if (verbose) return [`${head}:`, ...event.problems.map((line) => `  ${line}`)].join("\n")
      return `${head}: ${first}${others.length > 0 ? ` (and ${others.length} more)` : ""}`
    }
    case "StageFinished":
      return `${event.videoId}: stage ${event.stage} ${stageNames[event.stage]}: complete`
    case "Notice":
      return `${event.videoId}: ${event.message}`
    case "VideoFinished":
      return `${event.videoId}: finished, ${event.folder}`
    case "VideoFailed":
      return `error: ${event.videoId}: ${event.message}`
  }
}

/** One plain line per event on `out`. For pipes, files and CI. */
export const lines = (out: NodeJS.WritableStream, verbose: boolean): Layer.Layer<RunEvents> =>
  Layer.succeed(RunEvents, {
    publish: (event) =>
      Effect.sync(() => {
        const line = eventLine(event, verbose)
        if (line !== undefined) out.write(`${line}\n`)
      }),
  })

interface Bars {
  readonly started: Map<StageNumber, SingleBar>
}

const nameWidth = 22

const shorten = (text: string): string =>
  text.length <= nameWidth ? text.padEnd(nameWidth) : `${text.slice(0, nameWidth - 1)}…`

/**
 * A bar for each stage of a video on a terminal; what a person has to know is printed above the bars. The terminal is
 * restored when the scope closes, also after Ctrl-C.
 */
export const bars = (out: NodeJS.WritableStream, verbose: boolean): Layer.Layer<RunEvents> =>
  Layer.scoped(
    RunEvents,
    Effect.gen(function* () {
      const display = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new MultiBar({
              stream: out,
              format: "{name} {stage} {bar} {value}/{total} {what}",
              barsize: 20,
              barCompleteChar: "\u2588",
              barIncompleteChar: "\u2591",
              hideCursor: true,
              clearOnComplete: false,
              gracefulExit: false,
              emptyOnZero: true,
              forceRedraw: true,
            }),
        ),
        (multi) => Effect.sync(() => multi.stop()),
      )
      const videos = new Map<string, Bars>()
      const barOf = (event: { readonly videoId: string; readonly stage: StageNumber }) =>
        videos.get(event.videoId)?.started.get(event.stage)
      const show = (event: RunEvent): void => {
        switch (event.type) {
          case "VideoStarted":
            videos.set(event.videoId, { started: new Map() })
            return
          case "StageStarted": {
            const payload = {
              name: shorten(event.videoId),
              stage: `${event.stage} ${stageNames[event.stage]}`.padEnd(10),
              what: "",
            }
            videos.get(event.videoId)?.started.set(event.stage, display.create(event.total, 0, payload))
            return
          }
          case "StageAdvanced":
            barOf(event)?.increment(1, { what: event.kept ? `${event.what} (kept)` : event.what })
            return
          case "StageFinished":
            barOf(event)?.update({ what: "complete" })
            return
          case "VideoFailed":
          case "VideoFinished":
          case "AnswerRejected":
          case "Notice":
            display.log(`${eventLine(event, verbose) ?? ""}\n`)
            return
        }
      }
      return { publish: (event) => Effect.sync(() => show(event)) }
    }),
  )

/** Bars on a terminal, plain lines elsewhere. */
export const display = (out: NodeJS.WriteStream, verbose: boolean): Layer.Layer<RunEvents> =>
  out.isTTY === true ? bars(out, verbose) : lines(out, verbose)

import { MultiBar, type SingleBar } from "cli-progress"
import { Effect, type Scope } from "effect"
import type { StageNumber } from "../config.ts"
import type { RunEvent } from "../events.ts"

/** Shows what happens in a run. What it holds of the terminal is given back when the scope closes. */
export type Display = Effect.Effect<(event: RunEvent) => void, never, Scope.Scope>

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
    case "VideoPostponed":
      return `${event.videoId}: left for later: ${event.message}`
    case "BatchStopping":
      return event.cause === "asked"
        ? `stopping: calls under way have ${event.graceSec} s to finish; once more stops at once`
        : undefined
    case "BatchStarted":
    case "BatchFinished":
    case "AnswerReceived":
    case "ModelLoad":
      return undefined
  }
}

/** One plain line per event on `out`. For pipes, files and CI. */
export const lines = (out: NodeJS.WritableStream, verbose: boolean): Display =>
  Effect.succeed((event) => {
    const line = eventLine(event, verbose)
    if (line !== undefined) out.write(`${line}\n`)
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
export const bars = (out: NodeJS.WritableStream, verbose: boolean): Display =>
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
        case "VideoPostponed":
        case "BatchStopping":
          display.log(`${eventLine(event, verbose) ?? ""}\n`)
          return
        case "BatchStarted":
        case "BatchFinished":
        case "AnswerReceived":
        case "ModelLoad":
          return
      }
    }
    return show
  })

/** Bars on a terminal, plain lines elsewhere. */
export const display = (out: NodeJS.WriteStream, verbose: boolean): Display =>
  out.isTTY === true ? bars(out, verbose) : lines(out, verbose)

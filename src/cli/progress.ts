import { Effect, Schedule, type Scope } from "effect"
import { advance } from "../batch/progress.ts"
import { initialState, type RunState } from "../batch/state.ts"
import type { RunEvent } from "../events.ts"
import { stages as allStages } from "../stages/list.ts"
import type { StageLabel } from "../stages/Stage.ts"
import { printableLines } from "../text/printable.ts"
import { count } from "../text/quantity.ts"
import { divertMessages } from "./messages.ts"
import type { Output } from "./output.ts"
import { frameLines, headerLines } from "./progress/frame.ts"
import { eventJson, progressJson } from "./progress/json.ts"
import { admitLine, eventLine, fullAllowance, progressLine } from "./progress/lines.ts"
import { isScreen, makeScreen, type TerminalStream } from "./progress/screen.ts"

/** Follows a run and shows how it goes. */
export interface Display {
  readonly show: (event: RunEvent) => void
  /** All that is known of the run by now. */
  readonly state: () => RunState
}

export interface DisplayOptions {
  /** Tell everything. */
  readonly verbose: boolean
  /** The stages that run. */
  readonly stages?: ReadonlyArray<StageLabel>
}

/** Where a display goes. What it holds of a terminal is given back when the scope closes. */
export type MakeDisplay<Out> = (
  out: Out,
  options: DisplayOptions,
) => Effect.Effect<Display, never, Scope.Scope>

const linesEvery = "30 seconds"
const jsonEvery = "5 seconds"

/** A clock that never goes back. */
const now = (): number => performance.now()

/** Keeps the state of a run; `tell` hears of every event after it has been taken in. */
const follow = (
  { stages = allStages }: DisplayOptions,
  tell: (event: RunEvent, state: RunState) => void,
): Display => {
  let state = initialState(stages, now())
  return {
    show: (event) => {
      state = advance(state, event, now())
      tell(event, state)
    },
    state: () => state,
  }
}

const regularly = (every: typeof linesEvery | typeof jsonEvery, run: () => void) =>
  Effect.forkScoped(Effect.delay(Effect.repeat(Effect.sync(run), Schedule.spaced(every)), every))

/** Plain lines, for pipes, files and CI: what happens to videos, and every 30 seconds how the batch stands. */
export const lines: MakeDisplay<Pick<Output, "write">> = (out, options) =>
  Effect.gen(function* () {
    let limit = fullAllowance
    const write = (text: string) => out.write(`${printableLines(text)}\n`)
    const tellProgress = (state: RunState) => {
      const { heldBack } = limit
      limit = { ...limit, heldBack: 0 }
      write(progressLine(state, now()))
      if (heldBack > 0) write(`${count(heldBack)} lines held back; --verbose prints all`)
    }
    const display = follow(options, (event, state) => {
      const line = eventLine(event, options.verbose)
      const isBatch = state.videos !== 1
      if (line !== undefined) {
        const admitted = admitLine(limit, event, { ...options, isBatch, nowMs: now() })
        limit = admitted.limit
        if (admitted.isShown) write(line)
      }
      if (event.type === "BatchFinished" && isBatch) tellProgress(state)
    })
    yield* regularly(linesEvery, () => tellProgress(display.state()))
    return display
  })

/** One JSON object per line, see `jsonLineSchema`. */
export const json: MakeDisplay<Pick<Output, "write">> = (out, options) =>
  Effect.gen(function* () {
    const time = () => new Date().toISOString()
    const tellProgress = (state: RunState) => out.write(`${progressJson(state, now(), time())}\n`)
    const display = follow(options, (event, state) => {
      if (event.type === "BatchFinished") tellProgress(state)
      out.write(`${eventJson(event, time())}\n`)
    })
    yield* regularly(jsonEvery, () => tellProgress(display.state()))
    return display
  })

const isSeenInBars = ({ type }: RunEvent): boolean =>
  type === "VideoStarted" || type === "StageAdvanced" || type === "StageFinished" || type === "ModelSilent"

/** Bars on a terminal, a line for each video under way, and above them what a person has to know. */
export const bars: MakeDisplay<TerminalStream> = (out, options) =>
  Effect.gen(function* () {
    let print = (_text: string): void => undefined
    const display = follow(options, (event) => {
      const line = eventLine(event, options.verbose)
      if (line !== undefined && (options.verbose || !isSeenInBars(event))) print(line)
    })
    const screen = yield* makeScreen(out, (size, isLast) =>
      (isLast ? headerLines : frameLines)(display.state(), now(), size),
    )
    print = screen.print
    yield* divertMessages(print)
    return display
  })

/** Bars on a terminal, plain lines elsewhere. */
export const display: MakeDisplay<Output> = (out, options) =>
  isScreen(out) ? bars(out, options) : lines(out, options)

import { Effect, Schedule, type Scope } from "effect"
import type { Output } from "../output.ts"
import { hideCursor, nothingPainted, type Painted, repaint, restore } from "./paint.ts"

/** A terminal that lines are painted on. */
export type TerminalStream = Pick<
  Output,
  "columns" | "rows" | "write" | "writeNow" | "writableLength" | "on" | "off"
>

/** Whether lines can be painted there: it is a terminal, and one that moves its cursor. */
export const isScreen = ({ isTTY }: Pick<Output, "isTTY">): boolean => isTTY && process.env.TERM !== "dumb"

/** The lower part of a terminal, painted anew as things change; what is printed stands above it and scrolls away. */
export interface Screen {
  /** Prints text above the painted lines, for good. */
  readonly print: (text: string) => void
}

/** Signals that end a process at once, and that nobody else listens to. */
const deadly = ["SIGALRM", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGXCPU"] as const

const paintEvery = "100 millis"

/** Terminals that leave lines as they are when they become narrower. */
const reflows = ({ TERM = "", TMUX, XTERM_VERSION, STY }: NodeJS.ProcessEnv): boolean =>
  TMUX !== undefined || (XTERM_VERSION === undefined && STY === undefined && TERM !== "linux")

interface Emitter<Name extends string> {
  on(name: Name, run: () => void): unknown
  off(name: Name, run: () => void): unknown
}

const listen = <Name extends string>(target: Emitter<Name>, name: Name, run: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => target.on(name, run)),
    () => Effect.sync(() => target.off(name, run)),
  )

/**
 * Paints what `lines` gives, ten times a second and whenever the window changes its size. The cursor is hidden
 * meanwhile; it is back when the scope closes, when the process ends in any other way that lets it, and while it is
 * suspended with Ctrl-Z. The last lines stay.
 */
export const makeScreen = (
  out: TerminalStream,
  lines: (
    size: { readonly columns: number; readonly rows: number },
    isLast: boolean,
  ) => ReadonlyArray<string>,
): Effect.Effect<Screen, never, Scope.Scope> =>
  Effect.gen(function* () {
    let painted: Painted = nothingPainted
    let texts: Array<string> = []
    const doesReflow = reflows(process.env)
    const paint = (isLast = false): void => {
      const { columns, rows } = out
      const next = { lines: lines({ columns, rows }, isLast), columns }
      const text = repaint(painted, next, texts, doesReflow)
      painted = next
      texts = []
      if (text !== undefined) out.write(text)
    }
    /** A terminal that does not keep up is spared what nobody would see. */
    const paintIfRead = () => {
      if (out.writableLength === 0) paint()
    }
    const restoreNow = () => out.writeNow(restore)
    yield* Effect.acquireRelease(
      Effect.sync(() => out.write(hideCursor)),
      () =>
        Effect.sync(() => {
          paint(true)
          out.write(restore)
        }),
    )
    yield* listen(process, "exit", restoreNow)
    yield* listen(out, "resize", () => paint())
    if (process.platform !== "win32") {
      for (const signal of deadly) {
        const die = () => {
          restoreNow()
          process.off(signal, die)
          process.kill(process.pid, signal)
        }
        yield* listen(process, signal, die)
      }
      yield* listen(process, "SIGTSTP", () => {
        restoreNow()
        process.kill(process.pid, "SIGSTOP")
      })
      yield* listen(process, "SIGCONT", () => {
        painted = nothingPainted
        out.write(hideCursor)
        paint()
      })
    }
    yield* Effect.forkScoped(Effect.repeat(Effect.sync(paintIfRead), Schedule.spaced(paintEvery)))
    return {
      print: (text) => {
        texts.push(text)
      },
    }
  })

import { Data, Duration, Effect } from "effect"
import * as v from "valibot"
import { CANCEL, CREDITS, WorkerMessage } from "./envelope.ts"

/** A thread that did not get ready; `permanent` if another try would end the same. */
export class LoadFailure extends Data.TaggedError("LoadFailure")<{
  readonly message: string
  readonly permanent: boolean
}> {}

/** Bun's additions to `Worker`: whether the thread keeps the process alive. */
interface RefCounted {
  readonly ref: () => void
  readonly unref: () => void
}

/** A thread, and the request it is busy with. */
export interface Thread {
  readonly worker: Worker & RefCounted
  listener: (event: WorkerMessage) => void
  busyWith: { readonly id: number; readonly control: Int32Array<SharedArrayBuffer> } | undefined
  dead: boolean
}

/** Whether an event leaves the thread at rest: loaded, or done with its request. */
const endsWork = ({ type }: WorkerMessage): boolean => type !== "alive" && type !== "item"

/** Ends a thread at once; nothing more is heard of it. */
export const endThread = (thread: Thread): void => {
  thread.dead = true
  thread.listener = () => {}
  thread.worker.terminate()
}

const startThread = (entry: URL): Thread => {
  const worker = new Worker(entry.href, { ref: true }) as Worker & RefCounted
  const thread: Thread = { worker, listener: () => {}, busyWith: undefined, dead: false }
  const crashed = (message: string) => {
    if (thread.dead) return
    thread.dead = true
    thread.listener({ type: "crashed", message })
    worker.terminate()
  }
  worker.addEventListener("message", (event: MessageEvent) => {
    const message = v.safeParse(WorkerMessage, event.data)
    if (message.success && message.output.type === "crashed") crashed(message.output.message)
    else if (message.success) thread.listener(message.output)
    else crashed("it sent a message that is not understood")
  })
  worker.addEventListener("error", (event) => {
    event.preventDefault()
    // Bun puts the lines of the source around it.
    crashed(/^(?:\w*error): (.*)$/im.exec(event.message)?.[1] ?? event.message)
  })
  worker.addEventListener("messageerror", () => crashed("its message could not be read"))
  worker.addEventListener("close", () => crashed("it ended"))
  return thread
}

/**
 * Starts a thread and waits until it says that it is ready.
 *
 * @param started where it is entered as long as it lives
 * @param giveUp what is done with one that is not ready in time
 */
export const loadThread = (
  entry: URL,
  deadlineMs: number,
  started: Set<Thread>,
  giveUp: (thread: Thread) => void,
) =>
  Effect.async<Thread, LoadFailure>((resume) => {
    const thread = startThread(entry)
    started.add(thread)
    thread.listener = (event) => {
      if (event.type === "ready") return resume(Effect.succeed(thread))
      if (event.type !== "unavailable" && event.type !== "crashed") return
      const permanent = event.type === "unavailable"
      if (permanent) endThread(thread)
      started.delete(thread)
      resume(Effect.fail(new LoadFailure({ message: event.message, permanent })))
    }
    return Effect.sync(() => giveUp(thread))
  }).pipe(
    Effect.timeoutFail({
      duration: Duration.millis(deadlineMs),
      onTimeout: () =>
        new LoadFailure({ message: `it was not ready within ${deadlineMs / 1000} s`, permanent: false }),
    }),
  )

const askToStop = ({ busyWith }: Thread): void => {
  if (busyWith === undefined) return
  Atomics.store(busyWith.control, CANCEL, 1)
  Atomics.notify(busyWith.control, CREDITS)
}

/** Asks a thread to stop and leaves it to itself; `onRest` is called once it has answered after all, or has died. */
export const leave = (thread: Thread, onRest: () => void): void => {
  thread.worker.unref()
  thread.listener = (event) => {
    if (!endsWork(event)) return
    thread.busyWith = undefined
    if (event.type === "unavailable") endThread(thread)
    onRest()
  }
  askToStop(thread)
}

/**
 * Asks a busy thread to stop, and waits for that; `giveUp` says what is done with one that does not within `graceMs`. Runs
 * where nothing can interrupt it, hence its own timer.
 */
export const cancel = (thread: Thread, graceMs: number, giveUp: (thread: Thread) => void) =>
  Effect.async<void>((resume) => {
    if (thread.busyWith === undefined || thread.dead) return resume(Effect.void)
    const finish = () => {
      clearTimeout(timer)
      resume(Effect.void)
    }
    const timer = setTimeout(() => {
      giveUp(thread)
      finish()
    }, graceMs)
    thread.listener = (event) => {
      if (!endsWork(event)) return
      thread.busyWith = undefined
      finish()
    }
    askToStop(thread)
  })

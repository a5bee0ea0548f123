import { Data, Duration, Effect } from "effect"
import * as v from "valibot"
import { CANCEL, CREDITS, WorkerMessage } from "./protocol.ts"

/** A thread that did not get ready; `permanent` if another try would end the same. */
export class LoadFailure extends Data.TaggedError("LoadFailure")<{
  readonly message: string
  readonly permanent: boolean
}> {}

/** What a thread says, or that it is gone. */
export type WorkerEvent = WorkerMessage | { readonly type: "crashed"; readonly message: string }

/** Bun's additions to `Worker`: whether the thread keeps the process alive. */
interface RefCounted {
  readonly ref: () => void
  readonly unref: () => void
}

/** A thread, and the request it is busy with. */
export interface Thread {
  readonly worker: Worker & RefCounted
  listener: (event: WorkerEvent) => void
  busyWith: { readonly id: number; readonly control: Int32Array<SharedArrayBuffer> } | undefined
  dead: boolean
}

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
    if (message.success) thread.listener(message.output)
    else crashed("it said something that is not understood")
  })
  worker.addEventListener("error", (event) => {
    event.preventDefault()
    crashed(event.message)
  })
  worker.addEventListener("messageerror", () => crashed("its message could not be read"))
  worker.addEventListener("close", () => crashed("it ended"))
  return thread
}

/** Starts a thread and waits until it says that it is ready. */
export const loadThread = (entry: URL, deadlineMs: number, started: Set<Thread>) =>
  Effect.async<Thread, LoadFailure>((resume) => {
    const thread = startThread(entry)
    started.add(thread)
    const fail = (message: string, permanent: boolean) => {
      endThread(thread)
      started.delete(thread)
      resume(Effect.fail(new LoadFailure({ message, permanent })))
    }
    thread.listener = (event) => {
      if (event.type === "ready") resume(Effect.succeed(thread))
      else if (event.type === "unavailable") fail(event.message, true)
      else if (event.type === "crashed") fail(event.message, false)
    }
    return Effect.sync(() => {
      endThread(thread)
      started.delete(thread)
    })
  }).pipe(
    Effect.timeoutFail({
      duration: Duration.millis(deadlineMs),
      onTimeout: () =>
        new LoadFailure({ message: `it was not ready within ${deadlineMs / 1000} s`, permanent: false }),
    }),
  )

/** Asks a busy thread to stop, and ends it if it does not. Runs where nothing can interrupt it, hence its own timer. */
export const cancel = (thread: Thread, graceMs: number) =>
  Effect.async<void>((resume) => {
    const { busyWith } = thread
    if (busyWith === undefined || thread.dead) return resume(Effect.void)
    const finish = () => {
      clearTimeout(timer)
      resume(Effect.void)
    }
    const timer = setTimeout(() => {
      endThread(thread)
      finish()
    }, graceMs)
    thread.listener = (event) => {
      if (event.type === "alive" || event.type === "item") return
      thread.busyWith = undefined
      finish()
    }
    Atomics.store(busyWith.control, CANCEL, 1)
    Atomics.notify(busyWith.control, CREDITS)
  })

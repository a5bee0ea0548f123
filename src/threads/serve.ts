import * as v from "valibot"
import { CANCEL, CREDITS, StartMessage, type WorkerMessage } from "./envelope.ts"

/** How long a worker may work without saying that it lives, in milliseconds. */
const HEARTBEAT_MS = 1000
/** Upper bound of one wait for credits, so that `terminate()` is never held up for long. */
const CREDIT_WAIT_MS = 50

/** An expected failure inside a worker; crosses to the pool as a `WorkerError` with this `code`. */
export class WorkerFailure extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message)
  }
}

/** Thrown by `poll` when the caller no longer wants the result. */
class Cancelled extends Error {}

/** What a running request may do. */
export interface WorkerIo {
  /** To be called per packet or frame: throws if the request was cancelled, and says now and then that it lives. */
  readonly poll: () => void
  /** Sends an item, its buffers transferred, after waiting for the consumer to have room. */
  readonly emit: (item: unknown, transfer: ReadonlyArray<ArrayBuffer>) => void
}

export type WorkerHandler = (request: unknown, io: WorkerIo) => Promise<unknown>

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const post = (message: WorkerMessage, transfer: ReadonlyArray<ArrayBuffer> = []): void =>
  globalThis.postMessage(message, { transfer: [...transfer] })

const makeIo = (id: number, control: Int32Array<SharedArrayBuffer>): WorkerIo => {
  let lastWord = performance.now()
  const poll = () => {
    if (Atomics.load(control, CANCEL) !== 0) throw new Cancelled()
    const now = performance.now()
    if (now - lastWord < HEARTBEAT_MS) return
    lastWord = now
    post({ type: "alive", id })
  }
  const emit = (item: unknown, transfer: ReadonlyArray<ArrayBuffer>) => {
    while (Atomics.load(control, CREDITS) === 0) {
      poll()
      Atomics.wait(control, CREDITS, 0, CREDIT_WAIT_MS)
    }
    poll()
    Atomics.sub(control, CREDITS, 1)
    lastWord = performance.now()
    post({ type: "item", id, item }, transfer)
  }
  return { poll, emit }
}

const answer = async (handler: WorkerHandler, start: StartMessage): Promise<void> => {
  const { id, request, control } = start
  try {
    const result = await handler(request, makeIo(id, new Int32Array(control)))
    post({ type: "done", id, result })
  } catch (error) {
    if (error instanceof Cancelled) post({ type: "cancelled", id })
    else if (error instanceof WorkerFailure)
      post({ type: "failed", id, reason: error.reason, message: error.message })
    else {
      post({ type: "crashed", message: textOf(error) })
      throw error
    }
  }
}

/**
 * Makes this thread a pool worker: loads the handler, says `ready` or `unavailable`, then answers one request at a
 * time. Anything a handler throws that is not a `WorkerFailure` ends the thread, so that the pool replaces it.
 */
export const serve = (load: () => Promise<WorkerHandler>): void => {
  const loading = load()
  globalThis.onmessage = async (event: MessageEvent) => {
    const start = v.parse(StartMessage, event.data)
    await answer(await loading, start)
  }
  loading.then(
    () => post({ type: "ready" }),
    (error: unknown) => post({ type: "unavailable", message: textOf(error) }),
  )
}

import { serve, type WorkerIo } from "../../../src/threads/serve.ts"

/** What the worker can be told to do. `once` counts attempts across threads. */
export type Act =
  | { readonly do: "identify" }
  | { readonly do: "count"; readonly to: number }
  | { readonly do: "throw" }
  | { readonly do: "exit" }
  | { readonly do: "silence" }
  | { readonly do: "work-until-cancelled"; readonly started: SharedArrayBuffer }
  | { readonly do: "ignore-cancel"; readonly started: SharedArrayBuffer }
  | { readonly do: "be-deaf"; readonly started: SharedArrayBuffer; readonly until: SharedArrayBuffer }
  | { readonly do: "crash-after"; readonly items: number; readonly once: SharedArrayBuffer }

const identity = crypto.randomUUID()

const say = (started: SharedArrayBuffer) => {
  Atomics.add(new Int32Array(started), 0, 1)
  Atomics.notify(new Int32Array(started), 0)
}

const count = (to: number, io: WorkerIo) => {
  for (let i = 0; i < to; i++) io.emit(i, [])
}

const act = async (request: Act, io: WorkerIo): Promise<unknown> => {
  switch (request.do) {
    case "identify":
      return identity
    case "count":
      count(request.to, io)
      return request.to
    case "throw":
      throw new TypeError("broken on purpose")
    case "exit":
      return process.exit(3)
    case "silence":
      return new Promise(() => {})
    case "work-until-cancelled":
      say(request.started)
      for (;;) io.poll()
    case "ignore-cancel":
      say(request.started)
      return new Promise(() => {})
    case "be-deaf":
      say(request.started)
      Atomics.wait(new Int32Array(request.until), 0, 0)
      return identity
    case "crash-after": {
      count(request.items, io)
      if (Atomics.add(new Int32Array(request.once), 0, 1) === 0) throw new TypeError("broken the first time")
      count(2, { ...io, emit: (item) => io.emit(Number(item) + request.items, []) })
      return identity
    }
  }
}

// The pool sends what the tests gave it.
serve(async () => (request, io) => act(request as Act, io))

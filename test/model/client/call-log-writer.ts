import { Effect } from "effect"
import * as CallLog from "../../../src/model/client/CallLog.ts"
import { failedCall } from "../../support/call-event.ts"

/** A process of its own that notes so many calls in a file. */
const [path = "", video = "", lines = "0"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const { record } = yield* CallLog.CallLog
  for (let i = 0; i < Number(lines); i++)
    yield* record({ ...failedCall, video, attempt: i, message: "文".repeat(i * 20) })
})

await Effect.runPromise(Effect.provide(program, CallLog.file(path)))

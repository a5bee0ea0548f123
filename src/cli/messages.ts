import { Effect, Logger } from "effect"
import { printable } from "../text/printable.ts"
import { stderr } from "./output.ts"

const toStderr = (text: string): void => stderr.write(`${text}\n`)

/** There is one stderr in a process, and a display may hold it. */
let say = toStderr

/** What the program has to say beside its results: one line each, on stderr or above a display. */
export const messages = Logger.make(({ logLevel, message }) => {
  const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
  say(`${logLevel.label.toLowerCase()}: ${printable(text)}`)
})

/** Sends messages elsewhere until the scope closes. */
export const divertMessages = (to: (text: string) => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      say = to
    }),
    () =>
      Effect.sync(() => {
        say = toStderr
      }),
  )

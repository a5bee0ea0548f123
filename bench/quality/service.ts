// A model service in a process of its own: it knows nothing but what it is sent. Prints its address.
import { parseArgs } from "node:util"
import { completion, serveLoopback } from "../loopback.ts"
import { answer, noErrors, usualErrors } from "./mind.ts"

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, exact: { type: "boolean", default: false } },
})

const prefix = "data:image/jpeg;base64,"

/** Prompt and pictures of a request; whatever else it holds is not looked at. */
const seenIn = (body: string) => {
  const { messages } = JSON.parse(body)
  const parts: ReadonlyArray<{ readonly text?: string; readonly image_url?: { readonly url: string } }> =
    messages[1].content
  return {
    prompt: parts.find(({ text }) => text !== undefined)?.text ?? "",
    images: parts.flatMap(({ image_url }) =>
      image_url === undefined ? [] : [Buffer.from(image_url.url.slice(prefix.length), "base64")],
    ),
  }
}

const { url } = serveLoopback(async (request) => {
  const seen = seenIn(await request.text())
  const reply = await answer(seen, values.exact ? noErrors : usualErrors, Number(values.seed))
  // About what a model that counts 300 tokens a picture would report.
  return completion(JSON.stringify(reply), 2000 + 300 * seen.images.length, 1500)
})
console.log(url)

// A model service in a process of its own: it knows nothing but what it is sent. Prints its address.
import { parseArgs } from "node:util"
import { familyOf } from "../../src/model/families.ts"
import { pictureTokensOf, textTokens } from "../../src/model/tokens.ts"
import { completion, serveLoopback } from "../loopback.ts"
import { answer, noErrors, usualErrors } from "./mind.ts"

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, exact: { type: "boolean", default: false } },
})

const prefix = "data:image/jpeg;base64,"

interface Part {
  readonly text?: string
  readonly image_url?: { readonly url: string }
}

interface Message {
  readonly content: string | ReadonlyArray<Part>
}

const partsOf = ({ content }: Message): ReadonlyArray<Part> =>
  typeof content === "string" ? [{ text: content }] : content

/** Prompt and pictures of a request, and all of its text; whatever else it holds is not looked at. */
const seenIn = (body: string) => {
  const { messages }: { readonly messages: ReadonlyArray<Message> } = JSON.parse(body)
  const texts = messages.flatMap(partsOf).flatMap(({ text }) => text ?? [])
  const parts = messages[1] === undefined ? [] : partsOf(messages[1])
  return {
    texts,
    prompt: parts.find(({ text }) => text !== undefined)?.text ?? "",
    images: parts.flatMap(({ image_url }) =>
      image_url === undefined ? [] : [Buffer.from(image_url.url.slice(prefix.length), "base64")],
    ),
  }
}

/** Pictures are counted as the model counts them that a run asks if nothing else is said. */
const pictureTokens = pictureTokensOf(familyOf("gpt-4.1"))

const tokensOf = async (texts: ReadonlyArray<string>, images: ReadonlyArray<Uint8Array>): Promise<number> => {
  const sizes = await Promise.all(images.map((jpeg) => new Bun.Image(jpeg).metadata()))
  return (
    texts.reduce((sum, text) => sum + textTokens(text), 0) +
    sizes.reduce((sum, size) => sum + pictureTokens(size), 0)
  )
}

const { url } = serveLoopback(async (request) => {
  const seen = seenIn(await request.text())
  const reply = JSON.stringify(await answer(seen, values.exact ? noErrors : usualErrors, Number(values.seed)))
  return completion(reply, await tokensOf(seen.texts, seen.images), textTokens(reply))
})
console.log(url)

// A model service in a process of its own: answers every request well, after the latency given in milliseconds. Prints its
// address; `/counts` tells what it was asked.
import { draftReply, localizationReply, refinedReply } from "../../test/support/replies.ts"
import { completion, serveLoopback } from "../loopback.ts"

const latencyMs = Number(process.argv[2] ?? 1000)
const steps = 5
const counts = { calls: 0, inFlight: 0, mostInFlight: 0 }

/** The prompt is the first text of the user message; the pictures after it are not looked at. */
const promptOf = (body: string): string => {
  const { messages } = JSON.parse(body)
  return messages[1].content[0].text
}

const answer = (prompt: string): object => {
  const frames = Number(/You see (\d+) images/u.exec(prompt)?.[1] ?? 0)
  if (prompt.startsWith("# Task: draft")) return draftReply("structured", steps)
  if (prompt.startsWith("# Task: locate")) return localizationReply(steps, frames)
  const draft = JSON.parse(/```json\n([\s\S]*?)\n```/u.exec(prompt)?.[1] ?? "{}")
  return refinedReply("structured", draft, [2, Math.max(3, frames - 1)])
}

const { url } = serveLoopback(async (request) => {
  if (new URL(request.url).pathname === "/counts") return Response.json(counts)
  counts.calls++
  counts.inFlight++
  counts.mostInFlight = Math.max(counts.mostInFlight, counts.inFlight)
  const started = performance.now()
  const content = JSON.stringify(answer(promptOf(await request.text())))
  await Bun.sleep(Math.max(0, latencyMs - (performance.now() - started)))
  counts.inFlight--
  return completion(content, 1000, 200)
})
console.log(url)

// A service that reads requests of any size and answers after a moment. Prints its address.
import { completion, serveLoopback } from "../loopback.ts"

const { url } = serveLoopback(async (request) => {
  let bytes = 0
  for await (const chunk of request.body ?? []) bytes += chunk.length
  await Bun.sleep(200)
  return completion("{}", bytes, 1)
})
console.log(`${url}/v1`)

import { misbehaviour } from "./misbehaviour.ts"
import { startWireServer } from "./wire-server.ts"

/**
 * A process of its own that misbehaves, so that what it holds is not counted as the client's. The header
 * `X-Model-Provider-Id` says how: `seed/index`. Its address is the first line it prints; it ends with its standard input.
 */
const server = await startWireServer(async (exchange) => {
  const [seed = 0, index = 0] = String(exchange.request.headers["x-model-provider-id"]).split("/").map(Number)
  await misbehaviour(seed, index).answer(exchange)
})
console.log(server.url)
await Bun.stdin.text()
await server[Symbol.asyncDispose]()
process.exit(0)

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

/** What a server has seen and sent of one request. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The body of the request. */
  readonly body: string
  /** 1-based. */
  readonly number: number
}

/** A server on loopback that writes whatever it likes, as slowly or as much as it likes. */
export const startWireServer = async (answer: (exchange: Exchange) => void | Promise<void>) => {
  let number = 0
  const server = createServer(async (request, response) => {
    response.on("error", () => undefined)
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    await answer({ request, response, body: Buffer.concat(chunks).toString(), number: ++number })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/v1`,
    calls: () => number,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Writes the same bytes until so many are sent or the other side has had enough; gives how many it took. */
export const pour = async (response: ServerResponse, bytes: Buffer, most: number): Promise<number> => {
  let sent = 0
  const gone = new Promise<void>((resolve) => response.once("close", resolve))
  while (sent < most && !response.destroyed) {
    sent += bytes.length
    if (!response.write(bytes))
      await Promise.race([gone, new Promise<void>((resolve) => response.once("drain", resolve))])
  }
  if (!response.destroyed) response.end()
  return sent
}

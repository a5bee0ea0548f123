/** A chat-completions service on this machine that takes requests of any size. */
export const serveLoopback = (fetch: (request: Request) => Promise<Response>) => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 1 << 30,
    fetch,
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

/** A whole answer. */
export const completion = (content: string, promptTokens: number, completionTokens: number): Response =>
  Response.json({
    model: "loopback",
    choices: [{ finish_reason: "stop", message: { content } }],
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  })

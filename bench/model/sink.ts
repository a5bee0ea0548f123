// A service that reads requests of any size and answers after a moment. Prints its address.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  maxRequestBodySize: 1 << 30,
  fetch: async (request) => {
    let bytes = 0
    for await (const chunk of request.body ?? []) bytes += chunk.length
    await Bun.sleep(200)
    const usage = { prompt_tokens: bytes, completion_tokens: 1, total_tokens: bytes + 1 }
    return Response.json({
      model: "sink",
      choices: [{ finish_reason: "stop", message: { content: "{}" } }],
      usage,
    })
  },
})
console.log(`http://127.0.0.1:${server.port}/v1`)

import { serve, WorkerFailure } from "../../../src/threads/serve.ts"

// A thread that fails as it is told to.
serve(async () => async (request) => {
  throw new WorkerFailure(String(request), "said by the thread")
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { judge, startMisbehaving } from "../support/campaign.ts"
import { temporaryFolder } from "../support/folders.ts"
import { kindCount, misbehaviour } from "../support/misbehaviour.ts"

setDefaultTimeout(60_000)

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let server: Awaited<ReturnType<typeof startMisbehaving>>

beforeAll(async () => {
  folder = await temporaryFolder()
  server = await startMisbehaving()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const seed = 20_261_127

// Each kind once; `bun run campaign:model` takes more, and watches memory and time.
test.each(Array.from({ length: kindCount }, (_, index) => [misbehaviour(seed, index).name, index] as const))(
  "%s ends in its own class, and nothing that is paid for is lost",
  async (_name, index) => {
    const { problems } = await judge(server.url, seed, index, join(folder.path, "kept"))
    expect(problems).toEqual([])
  },
)

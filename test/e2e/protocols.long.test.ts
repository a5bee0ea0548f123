import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { ProtocolName } from "../../src/model/protocols/protocols.ts"
import type { AnnotationSchemaName } from "../../src/plan/schemas.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { startVendorServer, vendorKey } from "../support/vendor-server.ts"

setDefaultTimeout(300_000)

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 60 })
})
afterAll(() => folder[Symbol.asyncDispose]())

test.each<[ProtocolName, AnnotationSchemaName, boolean]>([
  ["responses", "structured", false],
  ["responses", "numbered", true],
  ["anthropic", "structured", true],
  ["anthropic", "numbered", false],
  ["gemini", "structured", false],
  ["gemini", "numbered", true],
])(
  "a video goes through all stages over %s, with the schema %s, stream %p, and a re-ask",
  async (name, annotation, stream) => {
    await using server = startVendorServer(name, {
      annotation,
      behave: ({ number, good }) => ({ text: number === 1 ? '{"steps": []}' : good }),
    })
    const out = join(folder.path, `${name}-${annotation}`)
    const address = ["--api-base", server.url, "--protocol", name, "--model", "loopback-vlm"]
    const { code, stderr } = await runCli(
      [
        ...["pipeline", "--input-video", video, "--output-root", out, "--max-frames", "6"],
        ...[...address, "--annotation-schema", annotation, "--post-validate"],
        ...(stream ? ["--stream"] : []),
      ],
      { API_KEY: vendorKey },
    )
    expect([code, server.violations]).toEqual([0, []])
    expect(stderr).not.toContain("from now on")
    // Plan, its re-ask, ranges, and three steps.
    expect(server.calls).toHaveLength(6)
    expect(server.calls[1]?.turns.map(({ role }) => role)).toEqual(["assistant", "user"])
    expect(
      server.calls.every((call) => call.parts.filter((part) => typeof part !== "string").length === 6),
    ).toBe(true)
    const summary = JSON.parse(readFileSync(join(out, "cup", "run_summary.json"), "utf8"))
    const kind = name === "responses" ? "openai-responses" : name
    expect(summary.api_config).toMatchObject({ kind, api_base: server.url, stream })
    expect(summary.totals).toMatchObject({ calls: 6, prompt_tokens: 6000, completion_tokens: 1200 })
  },
)

test("one address is enough where it tells the protocol, and the key is in no file", async () => {
  await using server = startVendorServer("anthropic")
  const out = join(folder.path, "told")
  const { code, stdout, stderr } = await runCli(
    [
      ...["stage1", "--input-video", video, "--output-root", out, "--max-frames", "6", "--verbose"],
      ...["--api-base", `${server.url}/messages`, "--model", "loopback-vlm"],
      ...["--send-max-side", "64", "--send-quality", "80"],
      ...["--header", "x-tenant=tenant-Zq7Xv-0123", "--extra-body", '{"max_tokens": 4000}'],
    ],
    { API_KEY: vendorKey },
  )
  expect([code, server.violations]).toEqual([0, []])
  expect(server.calls.map(({ maxTokens }) => maxTokens)).toEqual([4000])
  const sizes = await Promise.all(
    (server.calls[0]?.parts ?? []).map((part) =>
      typeof part === "string" ? [] : new Bun.Image(part).metadata().then(({ width }) => [width]),
    ),
  )
  expect(new Set(sizes.flat())).toEqual(new Set([64]))
  const summary = JSON.parse(readFileSync(join(out, "cup", "run_summary.json"), "utf8"))
  expect(summary.api_config).toMatchObject({
    kind: "anthropic",
    send_max_side_px: 64,
    send_quality: 80,
    headers: ["x-tenant"],
    extra_body: ["max_tokens"],
  })
  const files = [...new Bun.Glob("**/*").scanSync({ cwd: out, dot: true })].map((file) =>
    readFileSync(join(out, file), "latin1"),
  )
  expect(files.join() + stdout + stderr).not.toMatch(/zq7xv/iu)
})

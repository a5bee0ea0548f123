import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync } from "node:fs"
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { Effect } from "effect"
import manifest from "../../package.json"
import { validateFolder } from "../../src/dataset/validate.ts"
import { startBatchServer } from "../support/batch-server.ts"
import { type ChatServer, startChatServer } from "../support/chat-server.ts"
import { coloursOf } from "../support/colours.ts"
import { makeVideo } from "../support/media.ts"
import { makeOriginal } from "../support/original-folder.ts"
import { draftReply } from "../support/replies.ts"
import { digestsBelow, finished } from "../support/run-cli.ts"
import { blocksOf, originalOf, pages, read, root } from "./pages.ts"

// Whole programs are run, one after the other.
setDefaultTimeout(480_000)

/** Scripts that take long and have tests of their own; `check` runs this test. */
const isLeftOut = (script: string): boolean =>
  /^(?:check|test|bench|mutants|campaign|docs|format)/u.test(script)

/** Pages that tell how to reach a model; all others take it from the environment. */
const selfContained = new Set(["README.md", "docs/guides/first-run.md", "docs/guides/real-run.md"])

const commandsOf = (page: string): string =>
  blocksOf(page)
    .filter(({ language }) => language === "sh")
    .map(({ text }) => text)
    .join("")

const withCommands: ReadonlyArray<string> = await (async () => {
  const kept: Array<string> = []
  for (const page of pages)
    if (originalOf(page) === undefined && commandsOf(await read(page)) !== "") kept.push(page)
  return kept
})()

/** Fewer pictures in every call, for the sake of time. */
const frames = "--max-frames 8"

const scriptOf = (name: string, command: string): string => {
  if (isLeftOut(name)) return "true"
  const isRun = /^(?:pipeline|stage\d|evaluate)$/u.test(name)
  const here = command.replace(/^bun src\/setup\.ts && /u, "").replace("bun src/", `bun ${root}/src/`)
  return isRun ? `${here} ${frames}` : here
}

let shared: string
let server: ChatServer
let batches: ReturnType<typeof startBatchServer>
let besides: ReadonlyArray<string>

beforeAll(async () => {
  shared = await mkdtemp(join(tmpdir(), "triptych-docs-"))
  server = startChatServer({
    behave: ({ images: [picture], prompt }, good) =>
      prompt.startsWith("The image has a left and a right half") ? coloursOf(picture) : good,
  })
  batches = startBatchServer({ looksUntilEnd: 0 })
  besides = await readdir(root)
  await mkdir(join(shared, "bin"))
  // The pages call `bun` and `npx`: here both are the Bun that runs this test.
  await symlink(process.execPath, join(shared, "bin", "bun"))
  await Bun.write(join(shared, "bin", "npx"), '#!/bin/sh\nshift 2\nexec bun "$@"\n', { mode: 0o755 })
  await mkdir(join(shared, "given", "videos"), { recursive: true })
  await makeVideo({ dir: join(shared, "given"), name: "cooking.mp4", frames: 96 })
  await makeVideo({ dir: join(shared, "given", "videos"), name: "pouring.mkv", frames: 72 })
  const scripts = Object.entries(manifest.scripts).map(([name, command]) => [name, scriptOf(name, command)])
  await Bun.write(
    join(shared, "given", "package.json"),
    JSON.stringify({ scripts: Object.fromEntries(scripts) }),
  )
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await batches[Symbol.asyncDispose]()
  await rm(shared, { recursive: true, force: true })
})

const run = async (commands: string, cwd: string, env: Readonly<Record<string, string>>) => {
  const { PATH = "", HOME = "" } = process.env
  // Whatever service a page names, this one answers.
  const text = commands.replaceAll(/(--api-base |API_BASE_URL=)https:\/\/\S+/gu, `$1${server.url}`)
  const child = Bun.spawn(["sh", "-e", "-x", "-c", text], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { HOME, TMPDIR: shared, PATH: `${join(shared, "bin")}${delimiter}${PATH}`, ...env },
  })
  const { stdout, stderr, code } = await finished(child)
  return { code, said: `${stdout}${stderr}` }
}

/** The environment of somebody who has followed "A real run". */
const model = () => ({ API_KEY: "your-key", API_BASE_URL: server.url, MODEL_NAME: "some-vlm" })

/** Services that answer in another way. */
const environments: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  "docs/guides/batch-api.md": () => ({ API_BASE_URL: batches.url }),
}

/** What a page takes for granted, beside the videos. */
const given: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "docs/scoring.md": async (folder) => {
    const made = await run(
      "bun run pipeline --input-video cooking.mp4 --output-root dataset --rehearsal",
      folder,
      {},
    )
    expect(made.code).toBe(0)
    await cp(join(folder, "dataset"), join(folder, "dataset-before"), { recursive: true })
    await Bun.write(
      join(folder, "gold.csv"),
      "video_id,start_sec,end_sec,label\ncooking,0,1,Stir\ncooking,1,2,Pour\n",
    )
    await cp(join(root, "test/quality/fixtures/wgo-videos.parquet"), join(folder, "wgo.parquet"))
  },
  "docs/guides/first-run.md": async (folder) => {
    // To draw the demo's video takes long, and the README has had it drawn.
    const drawn = join(shared, folderOf("README.md"), "demo-output/robot_table.mp4")
    if (existsSync(drawn)) await cp(drawn, join(folder, "demo-output/robot_table.mp4"))
  },
  "docs/guides/wording.md": async (folder) => {
    await cp(join(root, "examples/prompts"), join(folder, "examples/prompts"), { recursive: true })
    // The steps that the server answers with.
    const { steps } = draftReply("structured")
    const goals = (steps as ReadonlyArray<{ readonly step_goal: string }>).map(({ step_goal }) => step_goal)
    await Bun.write(join(folder, "steps.txt"), `${goals.join("\n")}\n`)
  },
  "docs/coming-from-the-original.md": async (folder) => {
    const made = await run(
      "bun run pipeline --input-video cooking.mp4 --output-root old-dataset",
      folder,
      model(),
    )
    expect(made.code).toBe(0)
    makeOriginal(join(folder, "old-dataset", "cooking"))
  },
}

/** Where the commands of a page are run, below the folder that all have in common. */
const folderOf = (page: string): string => page.replaceAll(/\W/gu, "-")

const problemsOf = (folder: string) => Effect.runPromise(validateFolder(folder))

/** What a page promises of its commands, beside that they work. */
const promised: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "README.md": async (folder) => {
    expect(await problemsOf(join(folder, "demo-output/dataset/robot_table"))).toEqual([])
    expect(await problemsOf(join(folder, "causal_spafa_plan_dataset_long/cooking"))).toEqual([])
    expect(await problemsOf(join(folder, "dataset/cooking"))).toEqual([])
    expect(await problemsOf(join(folder, "dataset/pouring"))).toEqual([])
  },
  "docs/guides/record-and-replay.md": async (folder) => {
    const { "events.jsonl": calls, ...recorded } = digestsBelow(join(folder, "recorded-before"))
    expect(calls).toBeDefined()
    expect(Object.keys(recorded).length).toBeGreaterThan(50)
    expect(digestsBelow(join(folder, "recorded"))).toEqual(recorded)
  },
  "docs/guides/validating.md": async (folder) => {
    expect(await Bun.file(join(folder, "report.json")).json()).toMatchObject({ ok: true })
  },
}

test.each([...withCommands])("every command of %s works, in the page's order", async (page) => {
  const folder = join(shared, folderOf(page))
  await cp(join(shared, "given"), folder, { recursive: true })
  await given[page]?.(folder)
  const { code, said } = await run(
    commandsOf(await read(page)),
    folder,
    selfContained.has(page) ? {} : { ...model(), ...environments[page]?.() },
  )
  if (code !== 0) throw new Error(`exit code ${code}\n${said}`)
  await promised[page]?.(folder)
})

test("the pages send the key and the model that they name, and write only where they say", async () => {
  const keyOf = ({ headers }: { readonly headers: Headers }) =>
    headers.get("authorization")?.replace("Bearer ", "") ?? headers.get("api-key")
  expect(new Set(server.calls.map(keyOf))).toEqual(new Set(["your-key"]))
  const named = new Set(["some-vlm", "my-deployment"])
  expect(server.calls.map(({ model }) => model).filter((name) => !named.has(name))).toEqual([])
  expect(await readdir(root)).toEqual([...besides])
})

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { Effect } from "effect"
import manifest from "../../package.json"
import { type FlagHelp, helpOf } from "../../src/cli/flag.ts"
import { batch, stages } from "../../src/cli/flags/batch.ts"
import { demo, frames, status, validate } from "../../src/cli/flags/commands.ts"
import { input } from "../../src/cli/flags/input.ts"
import { model } from "../../src/cli/flags/model.ts"
import { work } from "../../src/cli/flags/work.ts"
import { validateFolder } from "../../src/dataset/validate.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { type ChatServer, startChatServer } from "../support/chat-server.ts"
import { makeVideo } from "../support/media.ts"

// Whole programs are run, one after the other.
setDefaultTimeout(240_000)

const root = join(import.meta.dir, "../..")
const read = (file: string): Promise<string> => Bun.file(join(root, file)).text()

const english = await read("README.md")
const readmes = { "README.md": english, "README.zh-CN.md": await read("README.zh-CN.md") }
const both = Object.entries(readmes)

interface Block {
  readonly language: string
  readonly lines: ReadonlyArray<string>
}

const fence = /^```(\w*)\n([\s\S]*?)^```$/gmu

/** Code blocks without comment lines: those are written in the reader's language. */
const blocksOf = (readme: string): ReadonlyArray<Block> =>
  [...readme.matchAll(fence)].map(([, language = "", text = ""]) => ({
    language,
    lines: text.split("\n").filter((line) => line.trim() !== "" && !/^\s*(?:#|\/\/)/u.test(line)),
  }))

const headingsOf = (readme: string): ReadonlyArray<string> =>
  [...readme.replaceAll(fence, "").matchAll(/^(#+) .+$/gmu)].map((match) => match[1] ?? "")

/** Every `bun run SCRIPT` in prose and code. */
const scriptsOf = (readme: string): ReadonlyArray<string> =>
  [...readme.matchAll(/(?:bun|npx --yes bun@1\.4) run ([\w:-]+)/gu)].map((match) => match[1] ?? "")

interface Row {
  readonly name: string
  readonly value: string | undefined
  readonly fallback: string | undefined
}

const row = /^\| `--([\w-]+)(?: ((?:[^`|]|\\\|)+))?` +\| (?:`([^`]+)`|–) +\| .+ \|$/u

/** Tables of flags, in order. */
const tablesOf = (readme: string): ReadonlyArray<ReadonlyArray<Row>> => {
  const tables: Array<Array<Row>> = []
  let inTable = false
  for (const line of readme.split("\n")) {
    const match = row.exec(line)
    if (match !== null) {
      if (!inTable) tables.push([])
      const [, name = "", value, fallback] = match
      tables.at(-1)?.push({ name, value: value?.replaceAll("\\|", "|"), fallback })
    }
    inTable = match !== null
  }
  return tables
}

/** The default a flag has: given to the parser, or named at the end of its help. */
const defaultOf = ({ fallback, help }: FlagHelp): string | undefined =>
  fallback ?? /; (\S+) if absent$/u.exec(help)?.[1]

const rowsOf = (group: Readonly<Record<string, object>>): ReadonlyArray<Row> =>
  Object.values(group).map((flag) => {
    const help = helpOf(flag)
    if (help === undefined) throw new Error("a flag without help")
    return { name: help.name, value: help.value, fallback: defaultOf(help) }
  })

describe.each(both)("%s", (_file, readme) => {
  test("names only scripts that exist, and the two main ones first", () => {
    const scripts = scriptsOf(readme)
    expect(scripts.slice(0, 2)).toEqual(["demo", "check"])
    expect(scripts.filter((script) => !Object.hasOwn(manifest.scripts, script))).toEqual([])
  })

  test("lists every flag with its value and its default, and no other", () => {
    expect(tablesOf(readme)).toEqual(
      [input, batch, stages, work, model, validate, status, frames, demo].map(rowsOf),
    )
  })

  test("links only to files and sections that exist", async () => {
    const targets = [...readme.matchAll(/\]\(([^)\s]+)\)/gu)].map((match) => match[1] ?? "")
    const titles = [...readme.matchAll(/^#+ (.+)$/gmu)].map(
      (match) => `#${match[1]?.toLowerCase().replaceAll(" ", "-")}`,
    )
    for (const target of targets.filter((target) => !target.startsWith("https://"))) {
      const exists = target.startsWith("#")
        ? titles.includes(target)
        : await Bun.file(join(root, target)).exists()
      expect(`${target} ${exists}`).toBe(`${target} true`)
    }
  })
})

test("both READMEs have the same sections and the same code", () => {
  const [first, second] = both.map(([, readme]) => ({
    headings: headingsOf(readme),
    blocks: blocksOf(readme),
  }))
  expect(second).toEqual(first)
  expect(first?.headings.length).toBeGreaterThan(15)
})

const example = "test/docs/embedding.example.ts"

test("the embedding example is the checked-in file", async () => {
  const blocks = [...english.matchAll(fence)].filter(([, , text = ""]) => text.includes('from "triptych"'))
  expect(blocks.map(([, language]) => language)).toEqual(["ts"])
  expect(blocks[0]?.[2]).toBe(await read(example))
})

describe("what the README says to run works", () => {
  let folder: string
  let server: ChatServer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "triptych-readme-"))
    server = startChatServer()
    // The scripts call `bun`: here it is the one that runs this test, whatever its name is.
    await mkdir(join(folder, "bin"))
    await symlink(process.execPath, join(folder, "bin", "bun"))
    await mkdir(join(folder, "videos"))
    await makeVideo({ dir: folder, name: "cooking.mp4", frames: 96 })
    await makeVideo({ dir: join(folder, "videos"), name: "pouring.mkv", frames: 72 })
  })

  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const start = async (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) => {
    const { PATH = "", HOME = "" } = process.env
    const child = Bun.spawn([process.execPath, ...args], {
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { HOME, TMPDIR: folder, PATH: `${join(folder, "bin")}${delimiter}${PATH}`, ...env },
    })
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { stdout, stderr, code }
  }

  const places =
    /^(?:cooking\.mp4|videos|report\.json|record(?:ing|ed|ed-before)|without-native|dataset(?:\/.*)?)$/u

  const findingsIn = (path: string) => Effect.runPromise(validateFolder(path))

  /** A word of a command with the README's names turned into places of this test. */
  const placed = (word: string): string => {
    if (word.startsWith("https://")) return server.url
    return places.test(word) ? join(folder, word) : word
  }

  /** Digests of all files below a folder. */
  const bytesBelow = async (path: string): Promise<Readonly<Record<string, string>>> => {
    const entries: Array<[string, string]> = []
    for (const file of new Bun.Glob("**/*").scanSync(path))
      entries.push([file, sha256(await Bun.file(join(path, file)).bytes())])
    return Object.fromEntries(entries)
  }

  const commands = blocksOf(english)
    .filter(({ language }) => language === "sh")
    .flatMap(({ lines }) => lines)

  test("every command, in the README's order", async () => {
    const env: Record<string, string> = {}
    const ran: Array<string> = []
    const besides = await readdir(root)
    const inParallel: Array<Promise<string>> = []
    for (const command of new Set(commands)) {
      const [, name, value = ""] = /^export (\w+)=(.*)$/u.exec(command) ?? []
      if (name !== undefined) {
        env[name] = placed(value)
        continue
      }
      const [, from, to] = /^mv (\S+) (\S+)$/u.exec(command) ?? []
      if (from !== undefined && to !== undefined) {
        await rename(placed(from), placed(to))
        continue
      }
      const [script = "", ...words] = command.replace(/^(?:bun|npx --yes bun@1\.4) run /u, "").split(" ")
      // This test is a part of `check`, and `bench` takes long; the demo is one command in two spellings.
      if (script === "check" || script === "bench" || ran.includes(`${script} ${words.join(" ")}`)) continue
      ran.push(`${script} ${words.join(" ")}`)
      const isRun = /^(?:pipeline|stage\d)$/u.test(script)
      const hasPlace = words.includes("--output-root") || script === "validate"
      const args = [
        ...words.map(placed),
        ...(hasPlace ? [] : ["--output-root", join(folder, `${script}-output`)]),
        // Smaller pools, for the sake of time.
        ...(isRun ? ["--max-frames", "12"] : []),
      ]
      const outcome = start(["run", script, ...args], { ...env }).then(
        ({ code, stderr }) => `${command}: ${code === 0 ? "works" : `exit code ${code}\n${stderr}`}`,
      )
      if (script === "demo") inParallel.push(outcome)
      else expect(await outcome).toBe(`${command}: works`)
    }
    expect(await Promise.all(inParallel)).toEqual(["npx --yes bun@1.4 run demo: works"])
    // Nothing was written but in the places of this test.
    expect(await readdir(root)).toEqual(besides)
    expect(ran.map((command) => command.split(" ")[0])).toEqual(
      expect.arrayContaining(["demo", "pipeline", "stage1", "stage2", "stage3", "validate"]),
    )
    expect(await findingsIn(join(folder, "demo-output/dataset/robot_table"))).toEqual([])
    expect(await findingsIn(join(folder, "pipeline-output/cooking"))).toEqual([])
    const left = (await readdir(join(folder, "dataset"))).toSorted()
    expect(left.filter((name) => !name.startsWith("."))).toEqual(["cooking", "events.jsonl", "pouring"])
    const { "events.jsonl": calls, ...recorded } = await bytesBelow(join(folder, "recorded-before"))
    expect(calls).toBeDefined()
    expect(Object.keys(recorded).length).toBeGreaterThan(50)
    expect(await bytesBelow(join(folder, "recorded"))).toEqual(recorded)
    expect(await Bun.file(join(folder, "report.json")).json()).toMatchObject({ ok: true })
    expect(new Set(server.calls.map((call) => call.headers.get("authorization")))).toEqual(
      new Set(["Bearer your-key"]),
    )
    expect(new Set(server.calls.map((call) => call.model))).toEqual(new Set(["some-vlm"]))
  })

  test("the embedding example, as a program, in rehearsal", async () => {
    const output = join(folder, "embedded")
    const { code, stdout, stderr } = await start([example, join(folder, "cooking.mp4"), output], {})
    expect(stderr).toBe("")
    expect(stdout).toContain(`valid: ${join(output, "cooking")}`)
    expect(code).toBe(0)
    expect(await findingsIn(join(output, "cooking"))).toEqual([])
  })

  test("--help of every command", async () => {
    const scripts = ["pipeline", "stage1", "stage2", "stage3", "validate", "status", "demo"]
    const results = await Promise.all(scripts.map((script) => start(["run", script, "--help"], {})))
    expect(results.map(({ code }) => code)).toEqual(scripts.map(() => 0))
    for (const [i, script] of scripts.entries())
      expect(results[i]?.stdout).toContain(`Usage: bun run ${script} `)
  })
})

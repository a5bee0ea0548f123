import { describe, expect, test } from "bun:test"
import { cp, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import type { DraftStep } from "../../src/plan/annotation.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { checkLocalization, type LocalizationContext } from "../../src/plan/localization.ts"
import { outcomeText } from "../../src/plan/outcome.ts"
import type { Checked } from "../../src/plan/problem.ts"
import { checkRefined } from "../../src/plan/refined.ts"
import { annotationFor, annotationSchemaNames, annotationSchemas } from "../../src/plan/schemas.ts"
import type { StepBounds } from "../../src/plan/step-range.ts"
import { type StageName, stages } from "../../src/stages/list.ts"
import { type GivenWording, loadPrompts, promptFolder } from "../../src/stages/prompts.ts"
import { refineAsks } from "../../src/stages/step-inquiry.ts"
import { temporaryFolder } from "../support/folders.ts"
import { valueAt, withValue } from "../support/json.ts"
import type { Json } from "../support/replies.ts"

/** A folder of prompts of one's own: texts by path. */
const ownPrompts = async (texts: Readonly<Record<string, string>>) => {
  const folder = await temporaryFolder()
  for (const [path, text] of Object.entries(texts)) await Bun.write(join(folder.path, path), text)
  return folder
}

/** A copy of the shipped prompts to break; gone with its scope. */
const copyOfPrompts = async () => {
  const parent = await temporaryFolder()
  const folder = `${join(parent.path, "prompts")}/`
  await cp(promptFolder, folder, { recursive: true })
  return { folder, [Symbol.asyncDispose]: () => parent[Symbol.asyncDispose]() }
}

const edit = async (file: string, change: (text: string) => string): Promise<void> =>
  writeFile(file, change(await readFile(file, "utf8")))

/** A file of so many bytes that takes up no room. */
const sparse = async (file: string, bytes: number): Promise<void> => {
  await writeFile(file, "")
  await truncate(file, bytes)
}

/** A socket that stays where its server was. */
const listenAt = async (file: string): Promise<void> => {
  const server = createServer().unref()
  await new Promise<void>((resolve) => server.listen(file, resolve))
}

/** The prompt that a stage asks with. */
const promptOf = (name: StageName) => {
  const { asks } = stages.find((stage) => stage.name === name) ?? {}
  if (asks === undefined) throw new Error(`${name} asks nothing`)
  return asks.prompt
}

const load = (name: keyof typeof annotationSchemas, folder?: string) =>
  Effect.runPromise(loadPrompts(annotationSchemas[name], stages, {}, folder))

const loadError = (name: keyof typeof annotationSchemas, folder: string) =>
  Effect.runPromise(Effect.flip(loadPrompts(annotationSchemas[name], stages, {}, folder)))

const codes = (checked: Checked<unknown>): ReadonlyArray<string> =>
  checked.ok ? [] : checked.problems.map((problem) => problem.code)

describe.each([...annotationSchemaNames])("the prompts of %s", (name) => {
  test("load, and every placeholder is filled in", async () => {
    const prompts = await load(name)
    const texts = [
      prompts.system,
      prompts.fill(promptOf("draft"), { frame_count: "17" }),
      prompts.fill(promptOf("localize"), {
        frame_count: "17",
        boundary_max: "18",
        step_count: "3",
        steps: "- Step 1: Lift",
      }),
      prompts.fill(refineAsks.prompt, {
        frame_count: "17",
        high_level_goal: "Fill the glass",
        draft_step: '{"step_id": 1}',
      }),
    ]
    for (const text of texts) {
      expect(text.length).toBeGreaterThan(200)
      expect(text).not.toMatch(/\{\{|\}\}/u)
    }
    expect(texts[1]).toContain("You see 17 images")
    expect(texts[2]).toContain("- Step 1: Lift")
    expect(texts[2]).toContain("From 2 to 18")
    expect(texts[3]).toContain("Fill the glass")
  })

  test("a stage that brings its own text may call it as a file is called, and both are filled in", async () => {
    const prompt = { file: "stage1", text: " Title {{of}}\r\n", slots: { of: "x" } }
    const draft = promptOf("draft")
    const asks = { prompt, answer: "title", schema: () => v.string(), answerTokens: 1 }
    const [shipped, extended] = [
      await load(name),
      await Effect.runPromise(loadPrompts(annotationSchemas[name], [...stages, { asks }])),
    ]
    const filled = [shipped, extended].map(({ fill }) => fill(draft, { frame_count: "17" }))
    expect(filled[1]).toBe(filled[0] ?? "")
    expect(extended.fill(prompt, { of: "a cup" })).toBe("Title a cup")
    expect(extended.parts).toEqual(shipped.parts)
  })

  test.each(["system", "stage1", "stage2", "stage3"])("a missing %s.md is named", async (stage) => {
    await using copy = await copyOfPrompts()
    const file = `${copy.folder}${name}/${stage}.md`
    await rm(file)
    const error = await loadError(name, copy.folder)
    expect(error._tag).toBe("PromptError")
    expect(error.file).toBe(file)
    expect(error.message).toContain(file)
  })

  test.each<readonly [string, (file: string) => unknown]>([
    ["is a pipe, not a file", (file) => Bun.spawnSync(["mkfifo", file])],
    ["is a folder, not a file", (file) => mkdir(file)],
    ["is a socket, not a file", (file) => listenAt(file)],
    ["is a device, not a file", (file) => symlink("/dev/zero", file)],
    ["is larger than the 1 MiB that a file of its kind may have", (file) => sparse(file, 5 * 2 ** 30)],
    ["is not UTF-8 text", (file) => writeFile(file, Buffer.from("caf\u00E9", "latin1"))],
    ["is not UTF-8 text", (file) => writeFile(file, Buffer.from("\uFEFFsystem", "utf16le"))],
    ["is empty", (file) => writeFile(file, "\uFEFF \n")],
    ["is missing", (file) => symlink("nowhere", file)],
    ["cannot be read: ELOOP", (file) => symlink("system.md", file)],
  ])("a file that %s is named, and nothing waits for it", async (why, make) => {
    await using copy = await copyOfPrompts()
    const file = `${copy.folder}${name}/system.md`
    await rm(file)
    await make(file)
    const error = await loadError(name, copy.folder)
    expect(error._tag).toBe("PromptError")
    expect(error.message).toStartWith(`the prompt file ${file} ${why}`)
    expect(error.message).toEndWith("; reinstall the project")
  })

  test("a link to a file and a byte order mark change nothing", async () => {
    await using copy = await copyOfPrompts()
    const file = `${copy.folder}${name}/system.md`
    await rename(file, `${copy.folder}elsewhere.md`)
    await symlink("../elsewhere.md", file)
    await edit(file, (text) => `\uFEFF${text.replaceAll("\n", "\r\n")}`)
    const [ours, shipped] = [await load(name, copy.folder), await load(name)]
    expect(ours.system).toBe(shipped.system)
    expect(ours.fingerprint).toBe(shipped.fingerprint)
  })

  test.each([
    ["stage1", "frame_count"],
    ["stage2", "boundary_max"],
    ["stage2", "step_count"],
    ["stage2", "steps"],
    ["stage3", "high_level_goal"],
    ["stage3", "draft_step"],
  ])("%s.md without {{%s}} is refused", async (stage, placeholder) => {
    await using copy = await copyOfPrompts()
    const file = `${copy.folder}${name}/${stage}.md`
    await edit(file, (text) => text.replaceAll(`{{${placeholder}}}`, "something else"))
    const error = await loadError(name, copy.folder)
    expect(error._tag).toBe("PromptError")
    expect(error.message).toBe(`${file} lacks the placeholder {{${placeholder}}}`)
  })

  test("an unknown placeholder is refused, and all problems of a file are told at once", async () => {
    await using copy = await copyOfPrompts()
    const file = `${copy.folder}${name}/stage2.md`
    await edit(file, (text) => `${text.replaceAll("{{step_count}}", "n")}\n{{ frame_total }} {{video-id}}\n`)
    const error = await loadError(name, copy.folder)
    expect(error._tag).toBe("PromptError")
    expect(error.file).toBe(file)
    expect(error.message.split("; ")).toEqual([
      `${file} lacks the placeholder {{step_count}}`,
      `${file} has an unknown placeholder {{frame_total}}`,
      `${file} has an unknown placeholder {{video-id}}`,
    ])
  })

  test("the system prompt takes no placeholder", async () => {
    await using copy = await copyOfPrompts()
    const file = `${copy.folder}${name}/system.md`
    await edit(file, (text) => `${text}\n{{frame_count}}\n`)
    const error = await loadError(name, copy.folder)
    expect(error.message).toBe(`${file} has an unknown placeholder {{frame_count}}`)
  })

  test("a value that looks like a placeholder stays as it is", async () => {
    const prompts = await load(name)
    const text = prompts.fill(refineAsks.prompt, {
      frame_count: "12",
      high_level_goal: "Read {{draft_step}} and {{frame_count}} aloud for $& and $1",
      draft_step: '{"step_goal": "{{high_level_goal}}"}',
    })
    expect(text).toContain("Read {{draft_step}} and {{frame_count}} aloud for $& and $1")
    expect(text).toContain('{"step_goal": "{{high_level_goal}}"}')
  })

  test("the fingerprint is stable, whatever the line ends, and follows every character", async () => {
    await using copy = await copyOfPrompts()
    const { fingerprint } = await load(name)
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/u)
    expect((await load(name, copy.folder)).fingerprint).toBe(fingerprint)
    await edit(`${copy.folder}${name}/stage1.md`, (text) => text.replaceAll("\n", "\r\n"))
    expect((await load(name, copy.folder)).fingerprint).toBe(fingerprint)
    for (const stage of ["system", "stage1", "stage2", "stage3"]) {
      await using other = await copyOfPrompts()
      await edit(`${other.folder}${name}/${stage}.md`, (text) => text.replace("the", "The"))
      expect((await load(name, other.folder)).fingerprint).not.toBe(fingerprint)
    }
  })

  test("the other schema's prompts do not matter", async () => {
    await using copy = await copyOfPrompts()
    for (const other of annotationSchemaNames) {
      if (other !== name) await rm(`${copy.folder}${other}`, { recursive: true })
    }
    expect((await load(name, copy.folder)).fingerprint).toBe((await load(name)).fingerprint)
  })

  describe("its skeletons", () => {
    const annotation = annotationSchemas[name]
    const blocksOf = async (stage: string): Promise<ReadonlyArray<string>> => {
      const text = await readFile(`${promptFolder}${name}/${stage}.md`, "utf8")
      return [...text.matchAll(/```json\n([\s\S]*?)\n```/gu)].map((match) => match[1] ?? "")
    }
    const skeleton = async (stage: string): Promise<Json> => JSON.parse((await blocksOf(stage)).at(-1) ?? "")

    /** The draft's skeleton with its one step written several times. */
    const draftOf = async (steps: number): Promise<Json> => {
      const one = await skeleton("stage1")
      const goal = valueAt(one, "steps.0.step_goal")
      const copies = Array.from({ length: steps }, (_, i) => ({
        ...Object(valueAt(one, "steps.0")),
        step_id: i + 1,
        step_goal: `${goal} ${String.fromCharCode(97 + i)}`,
      }))
      return { ...one, steps: copies }
    }

    test("Stage 1: three steps like the skeleton pass, the skeleton alone does not", async () => {
      const draft = checkDraft(annotation, await draftOf(3))
      expect(codes(draft)).toEqual([])
      if (draft.ok) expect<unknown>(draft.value).toEqual(await draftOf(3))
      expect(codes(checkDraft(annotation, await skeleton("stage1")))).toEqual(["step_count"])
    })

    test("Stage 1: every field of the skeleton is needed, and no other", async () => {
      const draft = await draftOf(3)
      const step: Json = { ...Object(valueAt(draft, "steps.0")) }
      for (const field of Object.keys(step)) {
        expect(codes(checkDraft(annotation, withValue(draft, `steps.0.${field}`, undefined)))).toContain(
          "missing",
        )
      }
      const more = withValue(draft, "steps.0.notes", "Something more.")
      expect(codes(checkDraft(annotation, more))).toEqual(["unknown_key"])
    })

    test("Stage 2: skeleton and example pass, in a pool that is large enough", async () => {
      const context = (steps: number, frames: number): LocalizationContext => ({
        stepIds: Array.from({ length: steps }, (_, i) => i + 1),
        boundarySeconds: Array.from({ length: frames + 1 }, (_, i) => i / 2),
        framesWithin: (start, end) => (end - start) * 15,
      })
      const [block = ""] = await blocksOf("stage2")
      expect(codes(checkLocalization(context(1, 10), JSON.parse(block)))).toEqual([])
      expect(codes(checkLocalization(context(2, 10), JSON.parse(block)))).toEqual(["step_set"])
      const text = await readFile(`${promptFolder}${name}/stage2.md`, "utf8")
      const example: unknown = JSON.parse(/`(\{"steps": .*?\]\})`/u.exec(text)?.[1] ?? "")
      expect(codes(checkLocalization(context(3, 10), example))).toEqual([])
      expect(codes(checkLocalization(context(3, 9), example))).toEqual(["index_range"])
    })

    test("Stage 3: the skeleton passes for its own step, not for another or in a pool of one moment", async () => {
      const verdict = checkDraft(annotation, await draftOf(3))
      const [first] = verdict.ok ? verdict.value.steps : []
      if (first === undefined) throw new Error("the draft's skeleton is not a plan")
      const reply = await skeleton("stage3")
      const own = { ...first, step_goal: String(reply.step_goal) }
      expect(codes(checkRefined(annotation, own, [0, 0.5, 1], reply))).toEqual([])
      expect(codes(checkRefined(annotation, first, [0, 0.5, 1], reply))).toEqual(["changed_step"])
      expect(codes(checkRefined(annotation, own, [0, 0], reply))).toEqual(["same_timestamp"])
      expect(codes(checkRefined(annotation, own, [0], reply))).toEqual(["index_range"])
    })
  })
})

test("the fingerprints of the schemas differ", async () => {
  const all = await Promise.all(annotationSchemaNames.map((name) => load(name)))
  expect(new Set(all.map((prompts) => prompts.fingerprint)).size).toBe(annotationSchemaNames.length)
})

describe("what a run is told of steps and texts", () => {
  const draft = promptOf("draft")
  const told = (wording: GivenWording, steps?: StepBounds) =>
    Effect.runPromise(loadPrompts(annotationFor("structured", { steps }), stages, wording))

  test("without it prompts are, word for word, those of the folders that were made before there was any", async () => {
    // `sha256sum` of the files of that time, without white space at their ends.
    const same = {
      stage2: "52fdc587e987293a7f4a9d72d7df8157e6e8e3eeee23cd7a0d3f34e6bf1f872f",
      system: "4446b482aa56f7753bcf9a5e85b69e3f477976fbd9d84f46433aa0b99c869562",
    }
    expect((await load("structured")).parts.prompts).toEqual({
      ...same,
      stage1: "0e111cc88cd71a8fef409268767d2bc4ec62327dc2c31dda0a1cb4484a0bc77b",
      stage3: "4635faec412c7a37621a91a935110736e1d4296ec2358f1d61f2a34977c9cfa1",
    })
    expect((await load("numbered")).parts.prompts).toEqual({
      ...same,
      stage1: "f0f3ad26508eb14575e401b33bc0e0f2df211ca38f90eb91a5cacfe6129e743e",
      stage3: "227e626460cd6d8ef21020fcccdfe94952a794f79465550c49638e83f96abdbc",
    })
  })

  const sheet = { columns: 5, rows: 5, tilePx: 224 }

  test.each<readonly [string, GivenWording, ReadonlyArray<string>, object]>([
    ["sheets of the pool", { poolSheet: sheet }, ["stage1", "stage2"], { input: "sheets" }],
    ["sheets of steps", { stepSheet: sheet }, ["stage3"], { step_input: "sheets" }],
    ["times before frames", { frameTimes: true }, ["stage1", "stage2", "stage3"], { frame_times: true }],
  ])("%s change the prompts of their stages alone, and are named", async (_, wording, changed, named) => {
    for (const name of annotationSchemaNames) {
      const usual = await load(name)
      const ours = await Effect.runPromise(loadPrompts(annotationSchemas[name], stages, wording))
      const { prompts, ...parts } = ours.parts
      const differing = Object.keys(prompts).filter((file) => prompts[file] !== usual.parts.prompts[file])
      expect(differing.toSorted()).toEqual([...changed])
      expect(parts).toMatchObject(named)
      expect(ours.fingerprint).not.toBe(usual.fingerprint)
      for (const [text] of [
        [ours.fill(draft, { frame_count: "50" })],
        [ours.fill(refineAsks.prompt, { frame_count: "50", high_level_goal: "x", draft_step: "{}" })],
      ])
        expect(text).not.toMatch(/\{\{|\}\}/u)
    }
  })

  test("prompts of one's own that do not say how images come are told at their end", async () => {
    const own = { prompts: join(promptFolder, "../examples/prompts/chinese"), language: "zh" }
    const load = (wording: GivenWording) =>
      Effect.runPromise(loadPrompts(annotationSchemas.structured, stages, { ...own, ...wording }))
    const [usual, sheets, times] = [
      await load({}),
      await load({ poolSheet: sheet, stepSheet: sheet }),
      await load({ frameTimes: true }),
    ]
    const before = usual.fill(draft, { frame_count: "50" })
    expect(sheets.fill(draft, { frame_count: "50" })).toStartWith(
      `${before}\n\n# How the images come\n\nThe images come as the tiles of contact sheets`,
    )
    expect(times.fill(draft, { frame_count: "50" })).toBe(
      `${before}\n\n# How the images come\n\nOf each image, right before it, as text, stands its time in the video, like \`<12.5 seconds>\`.`,
    )
  })

  test("a number of steps stands in the draft's prompt and nowhere else", async () => {
    const [usual, ours] = [await load("structured"), await told({}, { min: 2, max: 20 })]
    const text = ours.fill(draft, { frame_count: "50" })
    expect(text).toContain("2. Write 2 to 20 steps, in the order in which they happen. A step is one stretch")
    expect(text).toContain("- 2 to 20 steps, `step_id` counts up")
    const { stage1, ...others } = ours.parts.prompts
    expect(usual.parts.prompts).toMatchObject(others)
    expect(stage1).not.toBe(usual.parts.prompts.stage1)
    expect(ours.parts.steps).toEqual({ min: 2, max: 20 })
    const one = await told({}, { min: 5, max: 5 })
    expect(one.fill(draft, { frame_count: "50" })).toContain("Write exactly 5 steps, in the order")
  })

  test("the contract's bounds, given, are without its preference", async () => {
    const { fill, parts } = await told({}, { min: 3, max: 8 })
    expect(fill(draft, { frame_count: "50" })).toContain("Write 3 to 8 steps, in the order")
    expect(parts.steps).toEqual({ min: 3, max: 8 })
  })

  test("single acts are asked for with a rule of their own", async () => {
    const { fill, parts } = await told({ granularity: "atomic" }, { min: 1, max: 50 })
    const text = fill(draft, { frame_count: "50" })
    expect(text).toContain("A step is one smallest act")
    expect(text).toContain("An action that is repeated is a step each time")
    expect(text).not.toContain("acts on one main patient")
    expect(parts.granularity).toBe("atomic")
  })

  test.each([...annotationSchemaNames])(
    "the outcome of steps in %s is asked at the end of the prompt for one, and nowhere else",
    async (name) => {
      const [usual, ours] = [
        await load(name),
        await Effect.runPromise(loadPrompts(annotationFor(name, { outcome: true }), stages)),
      ]
      const empty = { frame_count: "9", high_level_goal: "x", draft_step: "{}" }
      const before = usual.fill(refineAsks.prompt, empty)
      expect(ours.fill(refineAsks.prompt, empty)).toBe(`${before}\n\n${outcomeText}`)
      const { stage3, ...others } = ours.parts.prompts
      expect(usual.parts.prompts).toMatchObject(others)
      expect(stage3).not.toBe(usual.parts.prompts.stage3)
      expect(ours.parts.answers).not.toBe(usual.parts.answers)
      expect([usual.parts.outcome, ours.parts.outcome]).toEqual([undefined, true])
    },
  )

  test("a prompt of one's own may say where the outcome is asked", async () => {
    const shipped = await readFile(join(promptFolder, "structured", "stage3.md"), "utf8")
    await using own = await ownPrompts({ "structured/stage3.md": `{{outcome}}\n\n${shipped}` })
    const empty = { frame_count: "9", high_level_goal: "x", draft_step: "{}" }
    const filled = async (outcome: boolean) =>
      (
        await Effect.runPromise(
          loadPrompts(annotationFor("structured", { outcome }), stages, { prompts: own.path }),
        )
      ).fill(refineAsks.prompt, empty)
    const usual = (await load("structured")).fill(refineAsks.prompt, empty)
    expect((await filled(true)).trim()).toBe(`${outcomeText}\n\n${usual}`)
    expect((await filled(false)).trim()).toBe(usual)
  })

  test("the language is named in the system prompt", async () => {
    const { system, parts } = await told({ language: "zh-Hans" })
    expect(system).toContain("Write plain Simplified Chinese in the present tense")
    expect(parts.language).toBe("zh-Hans")
  })
})

describe("prompts of one's own", () => {
  const examples = join(import.meta.dir, "../../examples/prompts")

  const given = (prompts: string, task?: string) =>
    Effect.runPromise(
      loadPrompts(annotationSchemas.structured, stages, { prompts, ...(task === undefined ? {} : { task }) }),
    )
  const refused = (prompts: string) =>
    Effect.runPromise(Effect.flip(loadPrompts(annotationSchemas.structured, stages, { prompts })))

  test("stand in for the project's one by one, and are part of the fingerprint", async () => {
    await using own = await ownPrompts({
      "structured/system.md": "You watch operations.\n",
      "notes.txt": "mine",
    })
    const [ours, shipped] = [await given(own.path), await load("structured")]
    expect(ours.system).toBe("You watch operations.")
    const draft = promptOf("draft")
    expect(ours.fill(draft, { frame_count: "9" })).toBe(shipped.fill(draft, { frame_count: "9" }))
    expect(ours.fingerprint).not.toBe(shipped.fingerprint)
    const { system, ...others } = ours.parts.prompts
    const { system: usual, ...usualOthers } = shipped.parts.prompts
    expect(system).not.toBe(usual)
    expect(others).toEqual(usualOthers)
  })

  test.each([
    [
      "a misspelled name",
      { "structured/stage4.md": "x" },
      "stage4.md is no prompt; there are system.md, stage1.md",
    ],
    ["nothing for this schema", { "numbered/system.md": "x" }, "is missing; check --prompts"],
    ["no prompt at all", { "structured/readme.txt": "x" }, "has no prompt in it"],
    ["an empty prompt", { "structured/system.md": " " }, "is empty; correct it, or leave --prompts out"],
    [
      "no placeholder",
      { "structured/stage1.md": "Draft." },
      "stage1.md lacks the placeholder {{frame_count}}",
    ],
  ])("with %s are refused", async (_what, texts, message) => {
    await using own = await ownPrompts(texts)
    const error = await refused(own.path)
    expect(error._tag).toBe("PromptError")
    expect(error.message).toContain(message)
  })

  test("those in the examples are whole", async () => {
    const { system } = await given(join(examples, "surgical"))
    expect(system).toContain("endoscope")
    expect((await given(join(examples, "chinese"))).system).toContain("简体中文")
  })

  test.each(["stage1", "stage2", "stage3"])(
    "the Chinese %s.md asks for what the English one does",
    async (stage) => {
      const blocks = async (file: string) => [
        ...(await readFile(file, "utf8")).matchAll(/```json\n(.*?)```/gsu),
      ]
      const chinese = await blocks(join(examples, "chinese/structured", `${stage}.md`))
      const english = await blocks(join(promptFolder, "structured", `${stage}.md`))
      const keysOf = ([, text = ""]: RegExpMatchArray) =>
        [...text.matchAll(/"(\w+)":|\{\{\w+\}\}/gu)].map(([key]) => key)
      expect(chinese.map(keysOf)).toEqual(english.map(keysOf))
      expect(chinese.length).toBeGreaterThan(0)
    },
  )

  test("the Chinese skeletons pass the checks", async () => {
    const { fill } = await given(join(examples, "chinese"))
    const jsonOf = (text: string, nth = 0): Json =>
      JSON.parse([...text.matchAll(/```json\n(.*?)```/gsu)][nth]?.[1] ?? "")
    const draft = jsonOf(fill(promptOf("draft"), { frame_count: "9" }))
    const [step] = draft.steps as ReadonlyArray<Json>
    const steps = ["一", "二", "三", "四"].map((word, i) => ({
      ...step,
      step_id: i + 1,
      step_goal: `第${word}个变化`,
    }))
    expect(codes(checkDraft(annotationSchemas.structured, { ...draft, steps }))).toEqual([])
    const empty = { frame_count: "9", high_level_goal: "x", draft_step: "{}" }
    const refined = jsonOf(fill(refineAsks.prompt, empty), 1)
    const own = { ...(steps[0] as unknown as DraftStep), step_id: 1, step_goal: String(refined.step_goal) }
    expect(codes(checkRefined(annotationSchemas.structured, own, [0, 0.5, 1], refined))).toEqual([])
  })

  test.each([
    ["stage1", "step_count", {}, { min: 2, max: 9 }, "--steps"],
    ["stage1", "step_rule", { granularity: "atomic" }, undefined, "--granularity atomic"],
  ] as const)(
    "a %s.md without {{%s}} is refused where that is needed",
    async (file, part, wording, steps, flag) => {
      const shipped = await readFile(join(promptFolder, "structured", `${file}.md`), "utf8")
      await using own = await ownPrompts({
        [`structured/${file}.md`]: shipped.replaceAll(`{{${part}}}`, "so"),
      })
      await given(own.path)
      const loading = loadPrompts(annotationFor("structured", { steps }), stages, {
        prompts: own.path,
        ...wording,
      })
      const { message } = await Effect.runPromise(Effect.flip(loading))
      expect(message).toBe(
        `${join(own.path, "structured", `${file}.md`)} lacks the placeholder {{${part}}}, which ${flag} needs`,
      )
    },
  )

  test("a system prompt that does not say where the language stands is told it at its end", async () => {
    await using own = await ownPrompts({ "structured/system.md": "You watch operations.\n" })
    const wording = { prompts: own.path, language: "zh-Hans" }
    const { system } = await Effect.runPromise(loadPrompts(annotationSchemas.structured, stages, wording))
    expect(system).toBe("You watch operations.\n\n# Language\n\nWrite all texts in Simplified Chinese.")
  })

  test("a task is told after the system prompt, and only it differs in the fingerprint", async () => {
    const told = await Effect.runPromise(
      loadPrompts(annotationSchemas.structured, stages, { task: "a cup is filled" }),
    )
    const shipped = await load("structured")
    expect(told.system).toStartWith(`${shipped.system}\n\n# What is known`)
    expect(told.system).toContain("a cup is filled")
    expect(told.parts).toEqual({ ...shipped.parts, task: "a cup is filled" })
    expect(told.fingerprint).not.toBe(shipped.fingerprint)
  })
})

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type ChatServer, completion, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import type { Json } from "../support/replies.ts"
import { type CliResult, filesBelow, quickFlags, runCli } from "../support/run-cli.ts"

const key = "sk-secret-for-tests-0123456789"
const stepFolders = [
  "01_pick_up_the_red_cube",
  "02_place_the_red_cube_on_the_blue_block",
  "03_tilt_the_jug_over_the_glass",
  "04_set_the_jug_down",
  "05_push_the_stack_aside",
]

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  // A name that shells, URLs and libav's protocols all like to trip over.
  video = await makeVideo({
    dir: folder.path,
    name: "机器人 demo: 1%.mp4",
    frames: 120,
    width: 320,
    height: 240,
  })
})
afterAll(() => folder[Symbol.asyncDispose]())

const id = "机器人 demo: 1%"
const modelFlags = (server: ChatServer) => ["--api-base", server.url, "--model", "loopback-vlm"]
const run = (server: ChatServer, root: string, ...flags: ReadonlyArray<string>): Promise<CliResult> =>
  runCli(
    [
      "pipeline",
      "--input-video",
      video,
      "--output-root",
      root,
      "--api-call-retry-backoff-sec",
      "0",
      ...modelFlags(server),
      ...flags,
    ],
    { API_KEY: key },
  )
const json = (path: string): Json => JSON.parse(readFileSync(path, "utf8"))
const isValid = async (root: string): Promise<string> => {
  const { code, stdout, stderr } = await runCli(["validate", "--output-root", root])
  return code === 0 ? "valid" : stdout + stderr
}

/** Every file the contract names, as patterns relative to the video's folder. */
const contractFiles = (frames: number): ReadonlyArray<RegExp> => [
  /^run_summary\.json$/u,
  /^causal_plan_with_keyframes\.json$/u,
  ...[
    "frame_manifest.json",
    "draft_plan.json",
    "stage1_system_prompt.txt",
    "stage1_user_prompt.txt",
    "stage1_raw_response.txt",
  ].map((name) => new RegExp(`^stage1/${name}$`, "u")),
  ...[
    "localization_raw.json",
    "step_segments.json",
    "stage2_system_prompt.txt",
    "stage2_user_prompt.txt",
    "stage2_raw_response.txt",
  ].map((name) => new RegExp(`^stage2/${name}$`, "u")),
  ...stepFolders.flatMap((step) => [
    new RegExp(`^stage2/step_clips/step${step}\\.mp4$`, "u"),
    ...[
      "frame_manifest.json",
      "step_final.json",
      "step_meta.json",
      "stage3_system_prompt.txt",
      "stage3_user_prompt.txt",
      "stage3_raw_response.txt",
    ].map((name) => new RegExp(`^${step}/${name}$`, "u")),
    new RegExp(`^${step}/frame_002_ts_\\d+\\.\\d\\ds\\.jpg$`, "u"),
    new RegExp(`^${step}/frame_0${frames - 1}_ts_\\d+\\.\\d\\ds\\.jpg$`, "u"),
  ]),
  // Beyond the contract: what each reply took, and which request it answers.
  ...["stage1/stage1", "stage2/stage2", ...stepFolders.map((step) => `${step}/stage3`)].map(
    (call) => new RegExp(`^${call}_raw_response\\.call\\.json$`, "u"),
  ),
  ...["stage1", ...stepFolders].flatMap((dir) =>
    Array.from(
      { length: frames },
      (_, i) =>
        new RegExp(
          `^${dir}/sampled_frames/sample_${String(i + 1).padStart(3, "0")}_ts_\\d+\\.\\d\\ds\\.jpg$`,
          "u",
        ),
    ),
  ),
]

describe.each(["structured", "numbered"] as const)("a whole run, annotation schema %s", (annotation) => {
  test("makes one call per stage and step, 50 pictures each, and leaves every file of the contract", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ annotation })
    const result = await run(
      server,
      root.path,
      "--annotation-schema",
      annotation,
      "--post-validate",
      "--provider",
      "some-provider",
    )
    expect(result).toMatchObject({ code: 0, stdout: `${join(root.path, id)}\n` })
    expect(server.calls.map(({ stage }) => stage).toSorted()).toEqual([1, 2, 3, 3, 3, 3, 3])
    expect(server.calls.map(({ images }) => images.length)).toEqual(Array(7).fill(50))
    expect(server.mostAtOnce()).toBeLessThanOrEqual(4)
    const files = filesBelow(join(root.path, id))
    const wanted = contractFiles(50)
    expect(wanted.filter((pattern) => !files.some((file) => pattern.test(file)))).toEqual([])
    expect(files.filter((file) => !wanted.some((pattern) => pattern.test(file)))).toEqual([])
    expect(await isValid(root.path)).toBe("valid")

    const [first] = server.calls
    expect(first?.headers.get("authorization")).toBe(`Bearer ${key}`)
    expect(first?.headers.get("x-model-provider-id")).toBe("some-provider")
    expect(first).toMatchObject({ model: "loopback-vlm", temperature: 0.2, maxTokens: undefined })

    const everything = files
      .map((file) => readFileSync(join(root.path, id, file)).toString("latin1"))
      .join("\n")
    expect(everything + result.stdout + result.stderr).not.toContain(key)

    const summary = json(join(root.path, id, "run_summary.json"))
    expect(summary).toMatchObject({
      source_video: video,
      video_id: id,
      rehearsal: false,
      api_config: {
        api_base: server.url,
        provider: "some-provider",
        model: "loopback-vlm",
        temperature: 0.2,
      },
      stage1: { status: "completed", attempts: 1, calls: [{ prompt_tokens: 1000, completion_tokens: 200 }] },
      stage2: { status: "completed", attempts: 1 },
      stage3: { status: "completed", attempts: 5 },
      post_validate: { ok: true, problems: [] },
    })
  })
})

describe("what the model is shown", () => {
  const picturesOf = (dir: string): ReadonlyArray<string> => {
    const manifest = json(join(dir, "frame_manifest.json")) as {
      frames: ReadonlyArray<{ image_relpath: string }>
    }
    return manifest.frames.map(({ image_relpath }) =>
      readFileSync(join(dir, image_relpath)).toString("base64"),
    )
  }

  test("Stage 1 gets the clean pictures; Stages 2 and 3 get them with an index drawn on", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    await run(server, root.path, "--max-frames", "8")
    const out = join(root.path, id)
    for (const call of server.calls) {
      const dir =
        call.stage === 3 ? join(out, stepFolders[(call.stepId ?? 0) - 1] ?? "") : join(out, "stage1")
      const sent = call.images.map((image) => Buffer.from(image).toString("base64"))
      const clean = picturesOf(dir)
      expect(call.labels).toEqual([])
      expect(sent).toHaveLength(8)
      if (call.stage === 1) expect(sent).toEqual([...clean])
      else expect(sent.filter((image) => clean.includes(image))).toEqual([])
    }
  })

  test("with --no-embed-index the pictures stay clean and a label stands before each", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const { code } = await run(server, root.path, "--max-frames", "8", "--no-embed-index")
    expect(code).toBe(0)
    const labels = Array.from({ length: 8 }, (_, i) => `Frame 0${i + 1}`)
    const clean = picturesOf(join(root.path, id, "stage1"))
    for (const call of server.calls) {
      expect(call.labels).toEqual(call.stage === 1 ? [] : labels)
      if (call.stage < 3)
        expect(call.images.map((image) => Buffer.from(image).toString("base64"))).toEqual([...clean])
    }
  })

  test("Stage 2 is told the steps and N, Stage 3 its draft step", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    await run(server, root.path, "--max-frames", "8")
    const second = server.calls.find(({ stage }) => stage === 2)
    expect(second?.prompt).toContain("Step 3: Tilt the jug over the glass")
    expect(second?.prompt).toContain("You see 8 images")
    expect(second?.prompt).toContain("9 is the\n  boundary after the last image")
    const third = server.calls.find(({ stepId }) => stepId === 4)
    expect(third?.prompt).toContain('"step_goal": "Set the jug down"')
    expect(third?.prompt).toContain("Stack the cube on the block and fill the glass.")
    expect(third?.system).toBe(server.calls[0]?.system ?? "")
  })
})

describe("stages one by one", () => {
  test("--stages 1,2 and then --stages 3 make the same calls as one run", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    expect((await run(server, root.path, "--max-frames", "8", "--stages", "1,2")).code).toBe(0)
    expect(server.calls.map(({ stage }) => stage)).toEqual([1, 2])
    expect(existsSync(join(root.path, id, "causal_plan_with_keyframes.json"))).toBe(false)
    expect((await run(server, root.path, "--max-frames", "8", "--stages", "3")).code).toBe(0)
    expect(server.calls).toHaveLength(7)
    expect(await isValid(root.path)).toBe("valid")
  })

  test("stage1, stage2 and stage3 run alone, each building on the one before", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const flags = [...quickFlags(video, root.path), ...modelFlags(server)]
    const early = await runCli(["stage2", ...flags], { API_KEY: key })
    expect(early.code).toBe(1)
    expect(early.stderr).toContain("run with --stages 1 first")
    expect(server.calls).toHaveLength(0)
    for (const [stage, calls] of [
      ["stage1", 1],
      ["stage2", 2],
      ["stage3", 7],
    ] as const) {
      expect((await runCli([stage, ...flags, "--post-validate"], { API_KEY: key })).code).toBe(0)
      expect(server.calls).toHaveLength(calls)
    }
    expect(await isValid(root.path)).toBe("valid")
  })
})

describe("asking again", () => {
  test("keeps every rejected reply with its problems, and goes on with the corrected one", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({
      behave: (call, good) =>
        call.turns.length === 0 ? good.replace('"steps"', '"schritte"').replace('"step_id":', '"id":') : good,
    })
    const result = await run(server, root.path, "--max-frames", "8")
    expect(result.code).toBe(0)
    expect(server.calls).toHaveLength(14)
    for (const [dir, stage] of [
      ["stage1", 1],
      ["stage2", 2],
      [stepFolders[0], 3],
    ] as const) {
      const raw = join(root.path, id, dir ?? "", `stage${stage}_raw_response`)
      const errors = json(`${raw}.attempt1.errors.json`) as {
        problems: ReadonlyArray<{ path: string; code: string }>
      }
      expect(errors.problems.map(({ code }) => code)).toContain("unknown_key")
      expect(readFileSync(`${raw}.attempt1.txt`, "utf8")).toContain(stage === 3 ? '"id":' : '"schritte"')
      expect(existsSync(`${raw}.errors.json`)).toBe(false)
      expect(existsSync(`${raw}.txt`)).toBe(true)
    }
    const again = server.calls.find(({ stage, turns }) => stage === 1 && turns.length > 0)
    expect(again?.turns.map(({ role }) => role)).toEqual(["assistant", "user"])
    expect(again?.prompt).toBe(server.calls[0]?.prompt ?? "")
    expect(await isValid(root.path)).toBe("valid")
  })

  test("gives up after the retries, says where the trace is, and leaves prompts, replies and problems there", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ behave: () => "I would rather not." })
    const result = await run(server, root.path, "--max-frames", "8", "--stage1-retries", "2")
    const stage1 = join(root.path, id, "stage1")
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(`Prompts, replies and problems are in ${stage1}`)
    expect(server.calls).toHaveLength(3)
    for (const name of [
      "stage1_system_prompt.txt",
      "stage1_user_prompt.txt",
      "stage1_raw_response.txt",
      "stage1_raw_response.errors.json",
    ]) {
      expect(existsSync(join(stage1, name))).toBe(true)
    }
    for (const attempt of [1, 2]) {
      expect(readFileSync(join(stage1, `stage1_raw_response.attempt${attempt}.txt`), "utf8")).toBe(
        "I would rather not.",
      )
      expect(json(join(stage1, `stage1_raw_response.attempt${attempt}.errors.json`))).toMatchObject({
        problems: [{ path: "$", code: "not_json" }],
      })
    }
    expect(json(join(root.path, id, "run_summary.json"))).toMatchObject({
      stage1: { status: "failed", attempts: 3 },
    })
  })

  test("a step that fails does not stop the others, and the next run asks for it alone", async () => {
    await using root = await temporaryFolder()
    let isBroken = true
    await using server = startChatServer({
      behave: (call, good) => (isBroken && call.stepId === 3 ? "no" : good),
    })
    const result = await run(server, root.path, "--max-frames", "8", "--stage3-retries", "0")
    expect(result.code).toBe(1)
    expect(result.stderr).toContain("step 3")
    expect(server.calls).toHaveLength(7)
    expect(existsSync(join(root.path, id, "causal_plan_with_keyframes.json"))).toBe(false)
    isBroken = false
    expect((await run(server, root.path, "--max-frames", "8")).code).toBe(0)
    expect(server.calls.slice(7).map(({ stepId }) => stepId)).toEqual([3])
    expect(await isValid(root.path)).toBe("valid")
  })
})

describe("the key", () => {
  test("does not reach a file or the terminal, even when the service repeats it", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({
      behave: (call, good) =>
        call.stage === 1
          ? completion(good.replace("The cube has to", `${key} has to`))
          : Response.json({ error: { message: `bad key ${key}`, code: "invalid_api_key" } }, { status: 401 }),
    })
    const result = await run(server, root.path, "--max-frames", "8", "--verbose")
    expect(result.code).toBe(1)
    expect(result.stderr).toContain("check --api-key")
    const out = join(root.path, id)
    const everything = filesBelow(out).map((file) => readFileSync(join(out, file)).toString("latin1"))
    expect(everything.join("\n") + result.stdout + result.stderr).not.toContain(key)
    expect(readFileSync(join(out, "stage1", "stage1_raw_response.txt"), "utf8")).toContain(
      "[redacted] has to",
    )
  })
})

describe("cutting", () => {
  test("by copying packets gives a valid folder whose clips may start early", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    expect((await run(server, root.path, "--max-frames", "8", "--cut-mode", "copy")).code).toBe(0)
    expect(await isValid(root.path)).toBe("valid")
    const { cut, segments } = json(join(root.path, id, "stage2", "step_segments.json")) as {
      cut: Json
      segments: ReadonlyArray<{ start_pts: number; clip_first_pts: number }>
    }
    expect(cut.mode).toBe("copy")
    expect(segments.every(({ start_pts, clip_first_pts }) => clip_first_pts <= start_pts)).toBe(true)
  })
})

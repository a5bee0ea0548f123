import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { withValue } from "../../support/json.ts"
import type { Choices } from "../../support/random.ts"

/** The finished folder of a video that something is done to, and a folder that is none of its business. */
export interface Scene {
  /** `<output root>/<video id>` */
  readonly out: string
  /** Holds what no run may read, write or remove. */
  readonly outside: string
  readonly choices: Choices
}

/** Something that is done to a folder. */
export interface Hostility {
  /** `link-folder stage1`: the kind, and where. */
  readonly id: string
  /** Whether runs must refuse the folder, or else finish it. */
  readonly isRefused: boolean
  /** Does it; false where this machine or user cannot. Gives the path that runs name, relative to the video's folder. */
  readonly make: (scene: Scene) => string | false
}

const stepIn = (out: string): string =>
  readdirSync(out).find((name) => name.startsWith("02_")) ?? "02_there_is_none"

const firstIn = (out: string, folder: string): string =>
  `${folder}/${readdirSync(join(out, folder)).toSorted()[0] ?? "nothing"}`

/** A place in a video's folder, by a name that holds for every video. */
type PlaceName = keyof typeof places

const places = {
  stage1: () => "stage1",
  frames: () => "stage1/sampled_frames",
  stage2: () => "stage2",
  clips: () => "stage2/step_clips",
  step: (out: string) => stepIn(out),
  "step-frames": (out: string) => `${stepIn(out)}/sampled_frames`,
  summary: () => "run_summary.json",
  plan: () => "causal_plan_with_keyframes.json",
  manifest: () => "stage1/frame_manifest.json",
  draft: () => "stage1/draft_plan.json",
  reply: () => "stage1/stage1_raw_response.txt",
  record: () => "stage1/stage1_raw_response.call.json",
  prompt: () => "stage2/stage2_user_prompt.txt",
  localization: () => "stage2/localization_raw.json",
  segments: () => "stage2/step_segments.json",
  clip: (out: string) => firstIn(out, "stage2/step_clips"),
  picture: (out: string) => firstIn(out, "stage1/sampled_frames"),
  final: (out: string) => `${stepIn(out)}/step_final.json`,
  meta: (out: string) => `${stepIn(out)}/step_meta.json`,
} as const satisfies Readonly<Record<string, (out: string) => string>>

const folders: ReadonlyArray<PlaceName> = ["stage1", "frames", "stage2", "clips", "step", "step-frames"]
const files: ReadonlyArray<PlaceName> = [
  "summary",
  "plan",
  "manifest",
  "draft",
  "reply",
  "record",
  "prompt",
  "localization",
  "segments",
  "clip",
  "picture",
  "final",
  "meta",
]

const succeeds = (...command: ReadonlyArray<string>): boolean => Bun.spawnSync([...command]).exitCode === 0

/** Moves what is at a place to the outside, and gives where it is now. */
const moveOut = ({ outside, out }: Scene, path: string): string => {
  const target = join(outside, `${basename(out)}-${basename(path)}`)
  cpSync(join(out, path), target, { recursive: true })
  rmSync(join(out, path), { recursive: true })
  return target
}

const replacing =
  (place: PlaceName, put: (path: string, scene: Scene) => boolean): Hostility["make"] =>
  (scene) => {
    const path = places[place](scene.out)
    rmSync(join(scene.out, path), { recursive: true })
    return put(join(scene.out, path), scene) ? path : false
  }

const linkOf =
  (place: PlaceName): Hostility["make"] =>
  (scene) => {
    const path = places[place](scene.out)
    symlinkSync(moveOut(scene, path), join(scene.out, path))
    return path
  }

const pipe = (path: string): boolean => succeeds("mkfifo", path)
const device = (path: string): boolean => succeeds("mknod", path, "c", "1", "5")
const endlessLink = (path: string): boolean => {
  symlinkSync("/dev/zero", path)
  return true
}
const loop = (path: string): boolean => {
  symlinkSync(path, path)
  return true
}
const huge = (path: string): boolean => {
  writeFileSync(path, "{")
  truncateSync(path, 2 ** 40)
  return true
}
const socket = (path: string): boolean => {
  const short = join("/tmp", `campaign-${process.pid}.sock`)
  const listener = Bun.listen({ unix: short, socket: { data: () => {} } })
  renameSync(short, path)
  listener.stop(true)
  return true
}

const tampered =
  (place: PlaceName, field: string, value: (scene: Scene) => unknown): Hostility["make"] =>
  (scene) => {
    const file = join(scene.out, places[place](scene.out))
    const json = withValue(JSON.parse(readFileSync(file, "utf8")), field, value(scene))
    writeFileSync(file, JSON.stringify(json))
    return places[place](scene.out)
  }

const outsideFile = ({ outside }: Scene): string => join(outside, "secret.jpg")
const upwards = (depth: number, name: string) => (): string => `${"../".repeat(depth)}outside/${name}`

/** Files of the user's own, some of which look like ours. */
const own =
  (...names: ReadonlyArray<string>): Hostility["make"] =>
  ({ out }) => {
    for (const name of names) {
      mkdirSync(dirname(join(out, name)), { recursive: true })
      writeFileSync(join(out, name), `own: ${name}`)
    }
    return names[0] ?? false
  }

const refused = (id: string, make: Hostility["make"]): Hostility => ({ id, isRefused: true, make })
const passed = (id: string, make: Hostility["make"]): Hostility => ({ id, isRefused: false, make })

/** Everything that is tried, one after the other; a campaign takes as many as it is told to, by its seed. */
export const hostilities: ReadonlyArray<Hostility> = [
  ...folders.map((place) => refused(`link-folder ${place}`, linkOf(place))),
  ...files.map((place) => refused(`link-file ${place}`, linkOf(place))),
  ...files.map((place) => refused(`pipe ${place}`, replacing(place, pipe))),
  ...(["summary", "draft", "picture", "clip", "final"] as const).map((place) =>
    refused(`device ${place}`, replacing(place, device)),
  ),
  ...(["summary", "manifest", "picture", "reply", "clip"] as const).map((place) =>
    refused(`link-endless ${place}`, replacing(place, endlessLink)),
  ),
  ...(["summary", "localization", "picture"] as const).map((place) =>
    refused(`socket ${place}`, replacing(place, socket)),
  ),
  ...(["stage1", "segments", "step"] as const).map((place) =>
    refused(`loop ${place}`, replacing(place, loop)),
  ),
  ...(["summary", "draft", "manifest", "picture"] as const).map((place) =>
    refused(`huge ${place}`, replacing(place, huge)),
  ),
  ...[3, 4, 5].map((depth) =>
    passed(
      `path-up-${depth} manifest`,
      tampered("manifest", "frames.1.image_relpath", upwards(depth, "secret.jpg")),
    ),
  ),
  passed("path-absolute manifest", tampered("manifest", "frames.1.image_relpath", outsideFile)),
  passed("path-up segments", tampered("segments", "segments.1.clip_relpath", upwards(3, "secret.mp4"))),
  passed(
    "path-absolute segments",
    tampered("segments", "segments.1.clip_relpath", ({ outside }) => join(outside, "secret.mp4")),
  ),
  passed("path-up meta", tampered("meta", "clip_path", upwards(3, "secret.mp4"))),
  passed(
    "path-keyframes meta",
    tampered("meta", "keyframes", ({ outside }) => [
      { image_relpath: join(outside, "secret.jpg"), sha256: "0".repeat(64) },
      { image_relpath: "../../outside/secret.jpg", sha256: "0".repeat(64) },
    ]),
  ),
  passed("path-up summary", tampered("summary", "stage3.steps.1.step_final", upwards(2, "step_final.json"))),
  passed(
    "path-absolute summary",
    tampered("summary", "stage1.draft_plan", () => "/etc/passwd"),
  ),
  passed(
    "own frames",
    own(
      "stage1/sampled_frames/mine.txt",
      "stage1/sampled_frames/sample_001_ts_9.99s.jpg",
      "stage1/sampled_frames/a/b.jpg",
    ),
  ),
  passed(
    "own clips",
    own("stage2/step_clips/mine.mp4", "stage2/step_clips/step09_mine.mp4", "stage2/step_clips/a/b.mp4"),
  ),
  passed(
    "own replies",
    own("stage1/stage1_raw_response.my-review.txt", "stage1/stage1_raw_response.attempt9.txt"),
  ),
  passed(
    "own folders",
    own("09_notes/frame_manifest.json", "review/log.jsonl", "notes/.tmp-0123456789ab", ".hidden/a"),
  ),
  passed("own hard link", ({ out, outside }) => {
    const target = join(outside, `${basename(out)}-linked.json`)
    writeFileSync(target, "{}")
    linkSync(target, join(out, "stage1/notes.json"))
    return "stage1/notes.json"
  }),
  passed("own link", ({ out, outside }) => {
    symlinkSync(outside, join(out, "mine"))
    symlinkSync(outside, join(out, "stage1/.tmp-0123456789ab"))
    return "mine"
  }),
]

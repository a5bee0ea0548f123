import { type Problem, problem } from "./problem.ts"

const placeholders = new Set([
  "unknown",
  "n/a",
  "none",
  "null",
  "unspecified",
  "tbd",
  "todo",
  "-",
  "...",
  "…",
])

/** True for text that only fills a field: `unknown`, `N/A`, `none.`, `-`, `...` and their like. */
export const isPlaceholder = (text: string): boolean => {
  const bare = text.trim().toLowerCase()
  return placeholders.has(bare) || placeholders.has(bare.replace(/[.!?]+$/u, ""))
}

const picture = String.raw`(?:video[\s_-]?)?(?:key[\s_-]?)?(?:frame|image|img|screenshot)s?`
const numberWord = `(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)`
const ordinal = String.raw`(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|final|initial|opening|closing|middle|next|previous|preceding|following|subsequent|earlier|later|\d+(?:st|nd|rd|th))`

/** Numbers and ordinals of pictures, English and Chinese: `Frame 12`, `image #3`, `the last frame`, `第12帧`, `最后一帧`. */
const frameReferences = [
  new RegExp(
    String.raw`(?<![\p{L}\p{N}])${picture}[\s_:=#-]*(?:(?:no|nr|number|index|idx|id)\b\.?)?[\s_:=#(\[-]*\d`,
    "iu",
  ),
  new RegExp(
    String.raw`(?<![\p{L}\p{N}])${picture}[\s_-]+(?:number[\s_-]+)?${numberWord}(?![\p{L}\p{N}])`,
    "iu",
  ),
  new RegExp(
    String.raw`(?<![\p{L}\p{N}])${ordinal}[\s_-]+(?:(?:few|couple\s+of|${numberWord}|\d+|sampled|visible|provided|video)[\s_-]+)?${picture}(?![\p{L}\p{N}])`,
    "iu",
  ),
  /第\s*[\d一二三四五六七八九十百两]+\s*(?:个|幅|张)?\s*(?:关键)?(?:帧|幀|图|圖)/u,
  /(?:最后|最後|最初|开头|第|首|末|上|下|前|后)[一两几\d]*\s*(?:张|幅|个)?\s*(?:关键)?(?:帧|幀)/u,
  /(?:帧|幀|图片?|圖片?)\s*[#:：]?\s*\d/u,
]

/** Times: `3.2s`, `12 seconds`, `00:03`, `t=5 sec`, `timestamp 4`, `3秒`. Durations count too: they are not visible. */
const timeReferences = [
  /(?<![\p{L}\p{N}.:])\d{1,5}(?:[.,]\d+)?[\s-]?(?:secs?|seconds?|ms|msecs?|milliseconds?|mins?|minutes?|hrs?|hours?)(?![\p{L}\p{N}])/iu,
  /(?<![\p{L}\p{N}.:])\d{1,3}(?:[.,]\d+)?\s?s(?![\p{L}\p{N}'’])/u,
  /(?<![\p{L}\p{N}:])\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?![\p{L}\p{N}:])/u,
  /(?<![\p{L}\p{N}])t\s?[=≈~]\s?\d/iu,
  /(?<![\p{L}\p{N}])time[\s_-]?(?:stamp|code|mark)s?[\s:=#]*\d/iu,
  /(?<![\p{L}\p{N}])(?:at|by|from|until|around|near|after|before)\s+(?:the\s+)?(?:second|minute|sec|min)\s+\d/iu,
  /[\d一二三四五六七八九十两]+\s*(?:秒|毫秒|分钟|分鐘|分\d*秒)/u,
]

const matchOf = (patterns: ReadonlyArray<RegExp>, text: string): string | undefined => {
  for (const pattern of patterns) {
    const found = pattern.exec(text)
    if (found !== null) return found[0].trim()
  }
  return undefined
}

/** The rules that hold for every text of a reply, whatever its field. */
export const textProblems = (path: string, text: string): ReadonlyArray<Problem> => {
  if (isPlaceholder(text)) {
    return [
      problem(
        path,
        "placeholder_text",
        `"${text.trim()}" is placeholder text; describe what is visible instead`,
      ),
    ]
  }
  const problems: Array<Problem> = []
  const frame = matchOf(frameReferences, text)
  if (frame !== undefined) {
    problems.push(
      problem(
        path,
        "frame_reference",
        `"${frame}" refers to a frame or image; describe the scene itself instead`,
      ),
    )
  }
  const time = matchOf(timeReferences, text)
  if (time !== undefined) {
    problems.push(
      problem(path, "time_reference", `"${time}" refers to a time; describe the state or event instead`),
    )
  }
  return problems
}

/** Applies `textProblems` to every string in a JSON value, at any depth. */
export const textProblemsWithin = (value: unknown, path = "$"): ReadonlyArray<Problem> => {
  if (typeof value === "string") return value.trim() === "" ? [] : textProblems(path, value)
  if (Array.isArray(value)) return value.flatMap((item, i) => textProblemsWithin(item, `${path}[${i}]`))
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, item]) => textProblemsWithin(item, `${path}.${key}`))
  }
  return []
}

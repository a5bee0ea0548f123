import type { Json } from "../../test/support/replies.ts"
import { draftReply, localizationReply, refinedReply } from "../../test/support/replies.ts"
import { seeded } from "../quality/random.ts"
import type { Conversation } from "./conversation.ts"

/** The most that a plan may have: with the draft and the localisation, ten answers a video. */
export const steps = 8
const answers = steps + 2
/** One of five answers is asked for again. */
const rejectedShare = 0.2

/** Which of a video's answers are rejected at first, by their places: so many that it is one in five exactly. */
const rejectedPlaces = (seed: number): ReadonlySet<number> => {
  const random = seeded(seed)
  const places = Array.from({ length: answers }, (_, place) => ({ place, rank: random() }))
  const chosen = places.toSorted((a, b) => a.rank - b.rank).slice(0, Math.round(rejectedShare * answers))
  return new Set(chosen.map(({ place }) => place))
}

interface Asked {
  /** Draft, localisation, then steps in their order. */
  readonly place: number
  readonly good: Json
  /** A field whose value is against the rules, by its keys. */
  readonly spoil: (answer: Json) => void
}

const firstStep = (answer: Json): Json => {
  const { steps: list } = answer as { steps: ReadonlyArray<Json> }
  return list[0] ?? {}
}

const askedIn = ({ parts }: Conversation): Asked => {
  const prompt = parts.find(({ content }) => typeof content === "string" && content.startsWith("# Task"))
  const text = String(prompt?.content)
  const frames = Number(/You see (\d+) images/u.exec(text)?.[1] ?? 0)
  if (text.startsWith("# Task: draft")) {
    const spoil = (answer: Json) => Object.assign(firstStep(answer), { rationale: "See frame 12." })
    return { place: 0, good: draftReply("structured", steps), spoil }
  }
  if (text.startsWith("# Task: locate")) {
    const spoil = (answer: Json) => Object.assign(firstStep(answer), { start_frame_index: 0 })
    return { place: 1, good: localizationReply(steps, frames), spoil }
  }
  const draft: Json = JSON.parse(/```json\n([\s\S]*?)\n```/u.exec(text)?.[1] ?? "{}")
  const spoil = (answer: Json) => Object.assign(answer, { rationale: "See frame 12." })
  const good = refinedReply("structured", draft, [2, Math.max(3, frames - 1)])
  return { place: 1 + Number(draft.step_id), good, spoil }
}

const valueAt = (answer: Json, path: string): unknown =>
  [...path.matchAll(/\.([^.[\]]+)|\[(\d+)\]/gu)].reduce<unknown>(
    (node, [, name, index]) => Reflect.get(Object(node), name ?? Number(index)),
    answer,
  )

/** The correction that is asked for: the whole answer, or the fields that are named. */
const corrected = (good: Json, reAsk: string): Json => {
  if (!reAsk.includes('{"patch"')) return good
  const paths = [...reAsk.matchAll(/^- (\$\S*?):/gmu)].map(([, path = ""]) => path)
  return { patch: paths.map((path) => ({ path, value: valueAt(good, path) })) }
}

/** A model that breaks a rule in the first answer of one in five, and does as it is told when it is asked again. */
export const makeMind = (seed: number) => {
  const rejected = rejectedPlaces(seed)
  return (said: Conversation): string => {
    const { good, place, spoil } = askedIn(said)
    const answer = said.turns.length > 0 ? corrected(good, said.turns.at(-1) ?? "") : structuredClone(good)
    if (said.turns.length === 0 && rejected.has(place)) spoil(answer)
    // Answers that are held to a schema come without blanks.
    return JSON.stringify(answer)
  }
}

import type { Conversation, Part } from "./conversation.ts"
import type { Metered, Size, VendorModel } from "./rules.ts"

/** Vendors say that a token is about four characters. */
const textTokens = (text: string): number => Math.ceil(text.length / 4)

/** A piece of a request as caches see it. */
interface Piece {
  readonly digest: string
  readonly tokens: number
  /** The request is kept up to here if marks count. */
  readonly isMarked: boolean
  /** The last piece of a user's message. */
  readonly endsMessage: boolean
}

const digestOf = (content: string | Uint8Array): string => String(Bun.hash.xxHash64(content))

/** The size that a JPEG's frame header says: ITU-T T.81, B.2.2. */
const sizeOf = (jpeg: Uint8Array): Size => {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength)
  for (let at = 2; at + 9 < jpeg.length; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at)
    const isFrameHeader = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)
    if (isFrameHeader) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
  }
  throw new Error("this is no JPEG")
}

const pieceOfPart = (part: Part, isLast: boolean, { countPicture }: VendorModel): Piece => {
  const { content, detail, isMarked } = part
  return {
    // A picture that is looked at otherwise is another one.
    digest: `${detail ?? ""}${digestOf(content)}`,
    tokens: typeof content === "string" ? textTokens(content) : countPicture(sizeOf(content), detail),
    isMarked,
    endsMessage: isLast,
  }
}

/** The pieces of a request: the schema stands before all else, as vendors put it in front of the system message. */
const piecesOf = (said: Conversation, model: VendorModel): ReadonlyArray<Piece> => {
  const text = (content: string, endsMessage: boolean): Piece => ({
    digest: digestOf(content),
    tokens: textTokens(content),
    isMarked: false,
    endsMessage,
  })
  const parts = said.parts.map((part, i) => pieceOfPart(part, i === said.parts.length - 1, model))
  return [
    text(said.schema, false),
    text(said.system, false),
    ...parts,
    ...said.turns.map((turn, i) => text(turn, i % 2 === 1)),
  ]
}

const sum = (pieces: ReadonlyArray<Piece>): number => pieces.reduce((total, { tokens }) => total + tokens, 0)

const prefixKey = (pieces: ReadonlyArray<Piece>): string => pieces.map(({ digest }) => digest).join(" ")

/** Counts what requests to one model take, by its vendor's rules; remembers all of them, as a cache does for some minutes. */
export const makeMeter = (model: VendorModel) => {
  const { kind, least, step } = model.cache
  /** Beginnings of requests that can be read again. */
  const known = new Set<string>()

  /** How many pieces from the beginning are known. */
  const knownPieces = (pieces: ReadonlyArray<Piece>): number => {
    for (let count = pieces.length; count > 0; count--)
      if (known.has(prefixKey(pieces.slice(0, count)))) return count
    return 0
  }

  /** Up to which pieces the request is kept. */
  const keptUpTo = (pieces: ReadonlyArray<Piece>, marksOnly: boolean): ReadonlyArray<number> => {
    if (kind === "prefix") return pieces.map((_piece, i) => i + 1)
    const ends = pieces.flatMap(({ endsMessage, isMarked }, i) =>
      isMarked || (!marksOnly && endsMessage) ? [i + 1] : [],
    )
    return marksOnly ? ends : ends.slice(-1)
  }

  return (said: Conversation, answer: string): Metered => {
    const pieces = piecesOf(said, model)
    const all = sum(pieces)
    const ends = keptUpTo(pieces, said.keepsMarkedOnly).filter(
      (count) => sum(pieces.slice(0, count)) >= least,
    )
    const mayRead = kind === "prefix" || ends.length > 0
    const found = mayRead ? sum(pieces.slice(0, knownPieces(pieces))) : 0
    const read = found < least ? 0 : Math.floor(found / step) * step
    for (const count of ends) known.add(prefixKey(pieces.slice(0, count)))
    const kept = kind === "prefix" ? 0 : sum(pieces.slice(0, ends.at(-1) ?? 0))
    const written = Math.max(0, kept - read)
    return { fresh: all - read - written, read, written, output: textTokens(answer) }
  }
}

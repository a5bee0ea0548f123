import type { VendorModel } from "./rules.ts"

/** A part of the first message of the user, in its place. */
export interface Part {
  /** A text, or a picture. */
  readonly content: string | Uint8Array
  /** How closely the picture is looked at, or its media resolution. */
  readonly detail?: string | undefined
  /** The request is to be kept up to here. */
  readonly isMarked: boolean
}

/** What a body says, whatever its protocol. */
export interface Conversation {
  readonly model: string
  /** The JSON schema that the answer is held to, as text; empty if there is none. */
  readonly schema: string
  readonly system: string
  readonly parts: ReadonlyArray<Part>
  /** What was said after that. */
  readonly turns: ReadonlyArray<string>
  readonly tier: string | undefined
  /** Nothing is to be cached but what is marked. */
  readonly keepsMarkedOnly: boolean
}

const bytesOf = (data: string): Uint8Array => Buffer.from(data.slice(data.indexOf(",") + 1), "base64")

const textOf = (value: unknown): string => (value === undefined ? "" : JSON.stringify(value))

/** A part as any of the protocols has it. */
interface WirePart {
  readonly text?: string
  readonly image_url?: string | { readonly url: string; readonly detail?: string }
  readonly detail?: string
  readonly source?: { readonly data: string }
  readonly inlineData?: { readonly data: string }
  readonly cache_control?: object
  readonly prompt_cache_breakpoint?: object
}

const partOf = (part: WirePart, resolution?: string): Part => {
  const { cache_control, detail, image_url, inlineData, prompt_cache_breakpoint, source, text } = part
  const isMarked = cache_control !== undefined || prompt_cache_breakpoint !== undefined
  if (text !== undefined) return { content: text, isMarked }
  const url = typeof image_url === "object" ? image_url.url : image_url
  const data = url ?? source?.data ?? inlineData?.data ?? ""
  const asked = (typeof image_url === "object" ? image_url.detail : detail) ?? resolution
  return { content: bytesOf(data), isMarked, detail: asked === "auto" ? undefined : asked }
}

interface WireMessage {
  readonly content: ReadonlyArray<WirePart> | string
  readonly parts?: ReadonlyArray<WirePart>
}

const saidIn = ({ content, parts }: WireMessage): string => String(parts?.[0]?.text ?? content)

const partsIn = ({ content, parts }: WireMessage, resolution?: string): ReadonlyArray<Part> =>
  (parts ?? (typeof content === "string" ? [{ text: content }] : content)).map((part) =>
    partOf(part, resolution),
  )

type Reader = (body: string, path: string) => Conversation

const readChat: Reader = (body) => {
  const { messages, model, prompt_cache_options, response_format, service_tier } = JSON.parse(body)
  const [system, user, ...turns]: ReadonlyArray<WireMessage> = messages
  return {
    model,
    schema: textOf(response_format?.json_schema),
    system: system === undefined ? "" : saidIn(system),
    parts: user === undefined ? [] : partsIn(user),
    turns: turns.map(saidIn),
    tier: service_tier,
    keepsMarkedOnly: prompt_cache_options?.mode === "explicit",
  }
}

const readResponses: Reader = (body) => {
  const { input, instructions, model, prompt_cache_options, service_tier, text } = JSON.parse(body)
  const [user, ...turns]: ReadonlyArray<WireMessage> = input
  return {
    model,
    schema: textOf(text?.format?.schema),
    system: instructions,
    parts: user === undefined ? [] : partsIn(user),
    turns: turns.map(saidIn),
    tier: service_tier,
    keepsMarkedOnly: prompt_cache_options?.mode === "explicit",
  }
}

const readAnthropic: Reader = (body) => {
  const { messages, model, output_config, system } = JSON.parse(body)
  const [user, ...turns]: ReadonlyArray<WireMessage> = messages
  return {
    model,
    schema: textOf(output_config?.format),
    system,
    parts: user === undefined ? [] : partsIn(user),
    turns: turns.map(saidIn),
    tier: undefined,
    keepsMarkedOnly: true,
  }
}

const readGemini: Reader = (body, path) => {
  const { contents, generationConfig, serviceTier, systemInstruction } = JSON.parse(body)
  const [user, ...turns]: ReadonlyArray<WireMessage> = contents
  const resolution: string | undefined = generationConfig.mediaResolution
  return {
    model: /\/models\/([^:]+):/u.exec(path)?.[1] ?? "",
    schema: textOf(generationConfig.responseJsonSchema),
    system: systemInstruction.parts[0].text,
    parts:
      user === undefined ? [] : partsIn(user, resolution?.replace("MEDIA_RESOLUTION_", "").toLowerCase()),
    turns: turns.map(saidIn),
    tier: serviceTier,
    keepsMarkedOnly: false,
  }
}

/** Reads the bodies of each protocol. */
export const readConversation: Readonly<Record<VendorModel["protocol"], Reader>> = {
  chat: readChat,
  responses: readResponses,
  anthropic: readAnthropic,
  gemini: readGemini,
}

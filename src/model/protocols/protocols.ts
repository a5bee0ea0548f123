import { anthropic } from "./anthropic/anthropic.ts"
import { chat } from "./chat/chat.ts"
import { gemini } from "./gemini/gemini.ts"
import type { Protocol } from "./Protocol.ts"
import { responses } from "./responses/responses.ts"

/** The words by which one asks for a protocol. */
export const protocolNames = ["chat", "responses", "anthropic", "gemini"] as const
export type ProtocolName = (typeof protocolNames)[number]

export const protocols: Readonly<Record<ProtocolName, Protocol>> = { chat, responses, anthropic, gemini }

/** Services that speak one protocol of their own at every address but the one for chat completions. */
const hosts: Readonly<Record<string, ProtocolName>> = {
  "api.anthropic.com": "anthropic",
  "generativelanguage.googleapis.com": "gemini",
}

/** Gemini's addresses for OpenAI's protocols end in this. */
const isOpenAiLayer = (path: string): boolean => /\/openai$/iu.test(path)

/**
 * The protocol that an address is of, where that is certain: by its end, or by its host. Everything else speaks chat
 * completions.
 */
export const protocolOf = (address: string): ProtocolName => {
  const url = URL.parse(address.trim())
  if (url === null) return "chat"
  const path = url.pathname.replace(/\/+$/u, "")
  const byEnd = protocolNames.find((name) => protocols[name].pathPattern.test(path))
  return byEnd ?? (isOpenAiLayer(path) ? "chat" : (hosts[url.hostname] ?? "chat"))
}

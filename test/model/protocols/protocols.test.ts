import { expect, test } from "bun:test"
import { parseEndpoint } from "../../../src/model/client/endpoint.ts"
import { protocolOf, protocols } from "../../../src/model/protocols/protocols.ts"

test.each([
  ["https://api.openai.com/v1", "chat", "https://api.openai.com/v1"],
  ["https://api.openai.com/v1/responses", "responses", "https://api.openai.com/v1"],
  ["https://api.openai.com/v1/responses/?x=1", "responses", "https://api.openai.com/v1"],
  ["https://api.anthropic.com", "anthropic", "https://api.anthropic.com/v1"],
  ["https://api.anthropic.com/v1/", "anthropic", "https://api.anthropic.com/v1"],
  ["https://api.anthropic.com/v1/messages", "anthropic", "https://api.anthropic.com/v1"],
  ["https://api.anthropic.com/v1/chat/completions", "chat", "https://api.anthropic.com/v1"],
  ["https://proxy.example.com/anthropic/v1/messages", "anthropic", "https://proxy.example.com/anthropic/v1"],
  ["https://generativelanguage.googleapis.com", "gemini", "https://generativelanguage.googleapis.com/v1beta"],
  [
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent",
    "gemini",
    "https://generativelanguage.googleapis.com/v1beta",
  ],
  [
    "https://generativelanguage.googleapis.com/v1beta/openai/",
    "chat",
    "https://generativelanguage.googleapis.com/v1beta/openai",
  ],
  ["https://evil.example.com/?host=api.anthropic.com", "chat", "https://evil.example.com"],
  ["https://api.anthropic.com.example.com/v1", "chat", "https://api.anthropic.com.example.com/v1"],
  ["http://localhost:8000/v1", "chat", "http://localhost:8000/v1"],
  ["no address", "chat", undefined],
] as const)("%s speaks %s, below %p", (address, name, base) => {
  expect(protocolOf(address)).toBe(name)
  expect(parseEndpoint(address, protocols[name])?.base).toBe(base)
  expect(parseEndpoint(address)?.base).toBe(base)
})

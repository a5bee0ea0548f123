/** How an answer ended, whatever word the service has for it. */
export type Finish =
  | "complete"
  /** Cut off at the limit of the answer's length. */
  | "length"
  /** Cut off because prompt and answer fill the model's context. */
  | "context"
  /** A filter stopped it. */
  | "filtered"
  /** The service failed or gave up on the way. */
  | "failed"

/** First match wins. Sources: the API references of OpenAI, Anthropic, Gemini, Mistral, DeepSeek, Zhipu and vLLM. */
const words: ReadonlyArray<readonly [RegExp, Finish]> = [
  [/context|model_length/iu, "context"],
  [/length|max_?(?:output_?|completion_?|new_?)?tokens|token_?limit/iu, "length"],
  [
    /filter|safety|sensitive|block|prohibit|recitation|spii|refus|moderat|polic(?:y|ies)|risk|guardrail/iu,
    "filtered",
  ],
  [/error|fail|abort|cancel|insufficient|overload|timeout|malformed/iu, "failed"],
]

/** What a `finish_reason` means. Words that are not known mean that the answer is complete: the checks will tell. */
export const finishOf = (reason: string | undefined): Finish =>
  words.find(([pattern]) => reason !== undefined && pattern.test(reason))?.[1] ?? "complete"

/** What came of one request. */
export type Result =
  | { readonly type: "answer"; readonly status: number; readonly body: unknown }
  /** It was not worked on, for a reason of the service's. */
  | { readonly type: "fault"; readonly code: string; readonly message: string }
  /** The service has not come to it, as in a batch that expired: it is asked anew, as if it had never been submitted. */
  | { readonly type: "unbegun" }

/** How a service wants requests to stand in a file, and how its results stand there. */
export interface LineFormat {
  /**
   * The id that a request has in the file of a batch.
   *
   * @param batch name of the batch's folder
   */
  readonly idIn: (customId: string, batch: string) => string
  /** What stands before the body in a line, which ends with one brace after it. */
  readonly start: (id: string, url: string) => string
  /** Bytes that are sent beside the lines of a file. */
  readonly frameBytes: number
  /** What a line of a file of results says; undefined if it is none. */
  readonly read: (json: unknown) => { readonly id: string; readonly result: Result } | undefined
}

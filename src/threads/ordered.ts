import { Chunk, Effect, Queue, Stream, Take } from "effect"

/** Where the items of one group go: a bounded queue that the stream empties in the order of the groups. */
export interface Outlet<Item> {
  /** Delivers one item's worth of results; waits until there is room. */
  readonly push: (items: ReadonlyArray<Item>) => Effect.Effect<void>
  readonly isFull: Effect.Effect<boolean>
  readonly isEmpty: Effect.Effect<boolean>
}

export interface OrderedOptions<Group, Item, E> {
  readonly groups: ReadonlyArray<Group>
  /** Groups that are worked on, or wait for the consumer, at the same time. */
  readonly window: number
  /** Pushes of one group that may wait for the consumer. */
  readonly buffer: number
  readonly run: (group: Group, outlet: Outlet<Item>) => Effect.Effect<void, E>
}

/**
 * Works on several groups at once and gives their items in the order of the groups. Groups are begun in order, so that the
 * one whose items are due is never behind another in a queue for workers. The first failure ends the stream; what is
 * running then is interrupted.
 */
export const inOrder = <Group, Item, E>(options: OrderedOptions<Group, Item, E>): Stream.Stream<Item, E> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      type Line = Queue.Queue<Take.Take<Item, E>>
      const window = yield* Effect.makeSemaphore(options.window)
      const lines = yield* Queue.unbounded<Take.Take<Line>>()
      const begin = Effect.fnUntraced(function* (group: Group) {
        yield* window.take(1)
        const line = yield* Queue.bounded<Take.Take<Item, E>>(options.buffer)
        yield* Queue.offer(lines, Take.of(line))
        const outlet: Outlet<Item> = {
          push: (items) => Effect.asVoid(Queue.offer(line, Take.chunk(Chunk.fromIterable(items)))),
          isFull: Queue.isFull(line),
          isEmpty: Queue.isEmpty(line),
        }
        yield* options.run(group, outlet).pipe(
          Effect.matchCauseEffect({
            onFailure: (cause) => Queue.offer(line, Take.failCause(cause)),
            onSuccess: () => Queue.offer(line, Take.end),
          }),
          Effect.forkScoped,
        )
      })
      yield* Effect.forEach(options.groups, begin, { discard: true }).pipe(
        Effect.zipRight(Queue.offer(lines, Take.end)),
        Effect.forkScoped,
      )
      return Stream.fromQueue(lines).pipe(
        Stream.flattenTake,
        Stream.flatMap((line) =>
          Stream.fromQueue(line, { maxChunkSize: 1 }).pipe(
            Stream.flattenTake,
            Stream.concat(Stream.drain(Stream.fromEffect(window.release(1)))),
          ),
        ),
      )
    }),
  )

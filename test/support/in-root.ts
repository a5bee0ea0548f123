import { Effect } from "effect"
import { DatasetStore } from "../../src/dataset/DatasetStore.ts"
import { localStore } from "../../src/dataset/local-store.ts"

/** Works in an output root of this machine. */
export const inRoot = (root: string) => Effect.provideService(DatasetStore, localStore(root))

/** The same for a test that waits for the outcome. */
export const runIn = <A, E>(root: string, work: Effect.Effect<A, E, DatasetStore>): Promise<A> =>
  Effect.runPromise(inRoot(root)(work))

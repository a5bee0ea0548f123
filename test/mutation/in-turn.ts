/** Gives every item to whichever place is free next; as many run at a time as there are places. */
export const eachInTurn = async <Item, Place>(
  items: ReadonlyArray<Item>,
  places: ReadonlyArray<Place>,
  work: (item: Item, place: Place) => Promise<void>,
): Promise<void> => {
  const waiting = items.values()
  await Promise.all(
    places.map(async (place) => {
      for (const item of waiting) await work(item, place)
    }),
  )
}

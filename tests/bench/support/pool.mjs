// Many things at once, but no more than so many.

/** Does `work(item)` for all items, `width` at a time, in their order. Fails with the first failure, and begins nothing after it. */
export async function pool(items, width, work) {
  const queue = items[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Asks again until it holds; a failure to ask counts as that it does not. @returns whether it did */
export async function eventually(holds: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    try {
      if (await holds()) return true;
    } catch {}
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

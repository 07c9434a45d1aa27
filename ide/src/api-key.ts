/** The API key lives in sessionStorage: gone with the tab, never in an address. */
const NAME = "norepeat.api-key";

export const apiKey = (): string => sessionStorage.getItem(NAME) ?? "";

export function keepApiKey(key: string): void {
  if (key) sessionStorage.setItem(NAME, key);
  else sessionStorage.removeItem(NAME);
}

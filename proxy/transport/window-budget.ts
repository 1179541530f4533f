import { DEFAULT_WINDOW_BUDGET, WindowBudget } from '../http2/window-growth.ts';

/** What the windows of every connection of the process may grow by; its `total` is set when the proxy starts. */
export const windowBudget = new WindowBudget(DEFAULT_WINDOW_BUDGET);

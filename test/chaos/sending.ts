import type { Entry } from './ledger.ts';
import type { Target } from './manifests.ts';
import type { Asked } from './request.ts';

/** How a request ended. */
export type Ending = Pick<Entry, 'outcome'> & Partial<Pick<Entry, 'detail' | 'pod' | 'hasBegun'>>;

/** How far a request had come that is given up. */
export type Progress = Pick<Ending, 'detail' | 'pod' | 'hasBegun'>;

/** Sends a request. `end` is called once or more, of which the first counts. @returns gives the request up */
export type Send = (asked: Asked, target: Target, end: (ending: Ending) => void) => () => Progress;

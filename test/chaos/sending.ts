import type { Entry } from './ledger.ts';
import type { Target } from './manifests.ts';
import type { Asked } from './request.ts';

/** How a request ended. */
export type Ending = Pick<Entry, 'outcome'> & Partial<Pick<Entry, 'detail' | 'pod' | 'hasBegun'>>;

/** How far a request had come that is given up. */
export type Progress = Pick<Ending, 'detail' | 'pod' | 'hasBegun'>;

/**
 * Sends a request. @param end called once or more, of which the first counts @param onMove called when some of the answer has come
 * @returns gives the request up
 */
export type Send = (asked: Asked, target: Target, end: (ending: Ending) => void, onMove: () => void) => () => Progress;

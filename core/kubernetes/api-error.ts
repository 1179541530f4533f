/** The API server refused a request, or could not be reached. */
export class ApiError extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** `reason` of the Status object (`NotFound`, `AlreadyExists`, `Conflict`, `Expired`, …), or {@link UNREACHABLE}. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
  }

  /** The error that a `Status` body (of a response, or of a watch event) stands for; any other body is quoted. */
  static from(status: number, body: unknown): ApiError {
    const { code, reason, message } = (typeof body === 'object' && body !== null ? body : {}) as Record<
      string,
      unknown
    >;
    return new ApiError(
      status || (typeof code === 'number' ? code : 500),
      typeof reason === 'string' ? reason : 'Unknown',
      typeof message === 'string' ? message : String(body).slice(0, 200),
    );
  }
}

/** For `catch`: an object that is not there is null. Throws every other error again. */
export function nullIfNotFound(error: unknown): null {
  if (error instanceof ApiError && error.status === 404) return null;
  throw error;
}

/** Reason of an {@link ApiError} without an answer: refused, reset, timed out, or an answer that is no JSON. */
export const UNREACHABLE = 'Unreachable';

/** Message of the line that destination logs, at level `info`, when it has read files of its folders: all at the start, then those that change. */
export const FOLDER_READ = 'folder read';

/** The fields of that line. */
export interface FolderRead {
  /** Absolute paths of the files, those that have gone among them. */
  readonly files: readonly string[];
  /** Objects of which something is now in force that was not at the last such line: `KIND/NAMESPACE/NAME`. */
  readonly changed: readonly string[];
  /** Everything that is wrong in those files at the moment, `PATH:LINE: KIND/NAMESPACE/NAME: FIELD: MESSAGE`. */
  readonly faults: readonly string[];
}

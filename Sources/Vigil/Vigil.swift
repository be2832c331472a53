// `import Vigil` is all that a program needs: the words of the API (`Bytes`, `KeyRange`, `WatchUpdate`, …), the errors
// and the reports come with it.
@_exported public import Changes
@_exported public import RevisionLog

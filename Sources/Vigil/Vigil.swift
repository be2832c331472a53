// `import Vigil` is all that a program needs: the words of the API (`Bytes`, `KeyRange`, `WatchUpdate`, …), the errors
// and reports, and the configuration of the live path come with it.
@_exported public import Changes
@_exported public import RevisionLog
@_exported public import WatchDispatch

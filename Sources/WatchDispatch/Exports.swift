// The words of the API (`Bytes`, `KeyRange`, `WatchUpdate`, `WatchEvent`, …) come with `import WatchDispatch`.
@_exported public import Changes

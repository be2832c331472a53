// WatchDispatch

/// What an acknowledged write survives.
public enum Durability: Sendable, Hashable {
    /// A crash of the process and a loss of power: each group of commits is flushed before it is acknowledged.
    case sync
    /// A crash of the process. A loss of power may take what was committed in about the last `Duration`; what
    /// survives is always a prefix of what was acknowledged.
    case interval(Duration)
}

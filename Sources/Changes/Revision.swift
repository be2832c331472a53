/// The number of a transaction that changed a store. The first is 1, each next one is one more, none is left out
/// and none is used twice. 0 stands for "before the first".
public typealias Revision = Int64

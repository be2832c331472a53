// `Status` is part of what a handler says.
@_exported public import GRPCWire

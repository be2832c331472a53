import Foundation

/// Copies the files of a store that may be open. All but the segment of its journal that is being made: that gets its name
/// when it is whole, which can be at any moment, whether or not anybody writes.
public func copyOpenStore(at path: String, to copy: String) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: copy, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    for name in try files.contentsOfDirectory(atPath: path) where !name.hasSuffix(".new") {
        try files.copyItem(atPath: path + "/" + name, toPath: copy + "/" + name)
    }
}

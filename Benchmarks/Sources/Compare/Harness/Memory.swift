import Foundation

/// Bytes of the heap in use: what all arenas of the allocator hold, without what is free in them. 0 where the allocator
/// does not say.
func allocatedBytes() -> Int {
    #if canImport(Glibc)
        // The header that declares it is not part of the Glibc module.
        typealias Function = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt
        guard let symbol = dlsym(nil, "malloc_info") else { return 0 }
        let writeInformation = unsafeBitCast(symbol, to: Function.self)
        var text: UnsafeMutablePointer<CChar>?
        var length = 0
        guard let file = open_memstream(&text, &length) else { return 0 }
        _ = writeInformation(0, file)
        fclose(file)
        defer { free(text) }
        // After the arenas come the totals.
        let totals = text.map { String(cString: $0) }?.components(separatedBy: "</heap>").last ?? ""
        func size(_ element: String) -> Int {
            guard let start = totals.range(of: element),
                let size = totals.range(of: "size=\"", range: start.upperBound..<totals.endIndex)
            else { return 0 }
            return Int(totals[size.upperBound...].prefix { $0.isNumber }) ?? 0
        }
        return size("<system type=\"current\"") + size("<total type=\"mmap\"")
            - size("<total type=\"fast\"") - size("<total type=\"rest\"")
    #else
        return 0
    #endif
}

extension Unmanaged {
    /// Counts so many references more. The optimiser makes one atomic addition of those that stand in a row.
    func retain(times count: Int) {
        for _ in 0..<count / 16 {
            _ = (retain(), retain(), retain(), retain(), retain(), retain(), retain(), retain())
            _ = (retain(), retain(), retain(), retain(), retain(), retain(), retain(), retain())
        }
        if count & 8 != 0 { _ = (retain(), retain(), retain(), retain(), retain(), retain(), retain(), retain()) }
        if count & 4 != 0 { _ = (retain(), retain(), retain(), retain()) }
        if count & 2 != 0 { _ = (retain(), retain()) }
        if count & 1 != 0 { _ = retain() }
    }
}

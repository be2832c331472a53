/// How a system's line looks: the same in every chart.
struct Style {
    let color: String
    var width = 1.8
    var isDashed = false

    static func of(_ system: String) -> Style {
        var style = styles.first { system.hasPrefix($0.0) }?.1 ?? Style(color: "#6e7781")
        if !isDurable(system) { style.isDashed = true }
        return style
    }

    /// By how the name begins; the first that fits.
    private static let styles: [(String, Style)] = [
        ("Vigil server", Style(color: "#0b9fd0", width: 2.4)),
        ("Vigil, ", Style(color: "#6ea8fe", width: 2, isDashed: true)),
        ("Vigil", Style(color: "#0b57d0", width: 3)),
        ("SQLite", Style(color: "#b35900")),
        ("etcd", Style(color: "#1a7f37")),
        ("Redis", Style(color: "#c1272d")),
        ("NATS", Style(color: "#8250df")),
        ("bare pwrite", Style(color: "#6e7781", width: 1.5, isDashed: true)),
        ("bare LMDB", Style(color: "#a1887f", width: 1.5, isDashed: true)),
        ("Mutex", Style(color: "#b35900")),
        ("AsyncStream", Style(color: "#1a7f37")),
        ("AsyncChannel", Style(color: "#c1272d")),
    ]
}

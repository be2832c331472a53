import ArgumentParser

/// The id of a lease: as this program prints it, or after 0x in the hexadecimal digits that `etcdctl` prints.
struct LeaseID: ExpressibleByArgument {
    static let help = "The lease's id; after 0x in hexadecimal, as etcdctl prints it."

    let number: Int64

    init?(argument: String) {
        let number = argument.hasPrefix("0x") ? Int64(argument.dropFirst(2), radix: 16) : Int64(argument)
        guard let number, number != 0 else { return nil }
        self.number = number
    }
}

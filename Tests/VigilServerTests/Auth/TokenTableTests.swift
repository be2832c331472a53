import TestSupport
import Testing
import Vigil

@testable import VigilServer

/// Who is logged in, and how long.
@Suite struct TokenTableTests {
    private let start = ContinuousClock.now
    private let user = TokenTable.Login(user: "u", since: 2)

    @Test func expiresUnlessUsed() {
        var table = TokenTable(lifetime: .seconds(10))
        let token = table.add(user, now: start)
        #expect(table.use(token, now: start + .seconds(9)) == user)
        #expect(table.use(token, now: start + .seconds(18)) == user)
        #expect(table.use(token, now: start + .seconds(28)) == nil)
        #expect(table.use("", now: start) == nil && table.use(token + "0", now: start) == nil)
    }

    @Test func whatHasExpiredIsRemoved() {
        var table = TokenTable(lifetime: .seconds(10))
        let used = table.add(user, now: start)
        for _ in 0..<100 { _ = table.add(user, now: start + .seconds(1)) }
        _ = table.use(used, now: start + .seconds(9))
        #expect(table.count == 101)
        _ = table.add(user, now: start + .seconds(12))
        #expect(table.count == 2)
        #expect(table.use(used, now: start + .seconds(12)) == user)
    }

    @Test func ofTooManyTheUnusedGoFirst() {
        var table = TokenTable(lifetime: .seconds(100), maximum: 3)
        let tokens = (0..<3).map { table.add(user, now: start + .seconds($0)) }
        _ = table.use(tokens[0], now: start + .seconds(5))
        _ = table.add(user, now: start + .seconds(6))
        #expect(table.count == 3)
        #expect(table.use(tokens[0], now: start + .seconds(7)) != nil)
        #expect(table.use(tokens[1], now: start + .seconds(7)) == nil)
        #expect(table.use(tokens[2], now: start + .seconds(7)) != nil)
    }

    @Test func areNotGuessed() {
        var table = TokenTable(lifetime: .seconds(10))
        let tokens = (0..<1000).map { _ in table.add(user, now: start) }
        #expect(Set(tokens).count == 1000 && tokens.allSatisfy { $0.utf8.count == 2 * Limits.tokenBytes })
        // Each place has each digit now and then.
        for place in 0..<2 * Limits.tokenBytes {
            #expect(Set(tokens.map { Array($0.utf8)[place] }).count == 16)
        }
    }

    @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
    func asAModel(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        var table = TokenTable(lifetime: .seconds(20))
        var model: [String: ContinuousClock.Instant] = [:]
        var now = start
        for step in 0..<5000 {
            now += .seconds(random.below(3))
            let known = model.keys.sorted()
            switch random.below(100) {
            case 0:
                table.removeAll()
                model = [:]
            case ..<30: model[table.add(user, now: now)] = now + .seconds(20)
            default:
                guard !known.isEmpty else { continue }
                let token = known[random.below(known.count)]
                let isGood = model[token]! > now
                #expect((table.use(token, now: now) != nil) == isGood, "seed \(seed), step \(step)")
                model[token] = isGood ? now + .seconds(20) : nil
            }
            model = model.filter { $0.value > now }
            #expect(table.count >= model.count, "seed \(seed), step \(step)")
        }
        now += .seconds(60)
        _ = table.add(user, now: now)
        #expect(table.count == 1, "seed \(seed)")
    }
}

import Testing

@testable import AviarySearch

@Suite struct PruningTests {
  @Test func halvingKeepsTheBestThirdAtRungs() {
    let rule = SuccessiveHalving()
    #expect((1...30).filter(rule.isRung) == [1, 3, 9, 27])
    // The first to come goes on, and so does a better one; a worse one stops.
    #expect(!rule.stops([0.5], others: []))
    #expect(!rule.stops([0.4], others: [[0.5]]))
    #expect(rule.stops([0.6], others: [[0.5]]))
    // Of six, two go on.
    let others: [[Double]] = [[0.1], [0.3], [0.4], [0.5], [0.6]]
    #expect(!rule.stops([0.2], others: others))
    #expect(rule.stops([0.35], others: others))
    // Between rungs nothing stops, and only those count that came as far.
    #expect(!rule.stops([0.9, 0.9], others: others))
    #expect(!rule.stops([0.9, 0.9, 0.9], others: others))
    #expect(rule.stops([0.9, 0.9, 0.9], others: [[0, 0, 0]]))
    #expect(rule.stops([.nan], others: []))
    #expect(!rule.stops([0.5], others: [[0.5], [0.5], [0.5]]))
  }

  @Test func theMedianStopsTheWorseHalf() {
    let rule = MedianPruner()
    let finished = (1...5).map { [Double($0), Double($0) / 2] }
    #expect(rule.stops([9, 1.6], finished: finished))
    #expect(!rule.stops([9, 1.5], finished: finished))
    // The best so far counts.
    #expect(!rule.stops([1.4, 9], finished: finished))
    // Not in the first epoch, and not before five have finished.
    #expect(!rule.stops([9], finished: finished))
    #expect(!rule.stops([9, 9], finished: Array(finished.prefix(4))))
    #expect(!rule.stops([9, 9, 9], finished: finished))
  }

  @Test func importanceNamesWhatMatters() throws {
    let space = try SearchSpace([
      SearchParameter("noise", .real(0...1)), SearchParameter("rate", .real(0...1)),
      SearchParameter("kind", .choice(["a", "b"])),
    ])
    let history = (0..<60).map { number in
      let values = RandomSampler(space, seed: 5).suggest(trial: number, after: [])
      let rate = Double(values["rate"] ?? "") ?? 0
      return Observation(values, .finished((rate - 0.3) * (rate - 0.3) + (values["kind"] == "a" ? 0 : 0.02)))
    }
    let shares = Importance.shares(space, history)
    #expect(shares.first?.name == "rate" && shares.last?.name == "noise", "\(shares)")
    #expect(close(shares.reduce(0) { $0 + $1.share }, 1))
    #expect(Importance.shares(space, Array(history.prefix(3))).isEmpty)
  }
}

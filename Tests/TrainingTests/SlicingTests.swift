import AviaryTraining
import Testing

@Suite struct SlicingTests {
  private func groups(_ slicing: Slicing) -> [String: [Int]] {
    Dictionary(uniqueKeysWithValues: slicing.groups.map { ($0.name, $0.items) })
  }

  @Test func wordsAreGroups() {
    let slicing = Slicing("city", words: ["b", "a", nil, "b", "é", "e\u{301}"])
    #expect(slicing.groups.map(\.name) == ["a", "b", "e\u{301}", "é", "(missing)"], "by their bytes")
    #expect(slicing.groups.map(\.items) == [[1], [0, 3], [5], [4], [2]])
  }

  @Test func theRarestWordsShareAGroup() {
    let slicing = Slicing("city", words: ["a", "b", "b", "c", "d", "d"], most: 3)
    #expect(slicing.groups.map(\.name) == ["b", "d", "2 other values"])
    #expect(groups(slicing)["2 other values"] == [0, 3])
  }

  @Test func fewNumbersAreGroupsAndManyAreIntervals() {
    #expect(Slicing("rooms", numbers: [2, 1, nil, 2, .nan]).groups.map(\.name) == ["1", "2", "(missing)"])
    #expect(Slicing("near", numbers: [1.0000001, 1.0000002]).groups.map(\.name) == ["1.0000001", "1.0000002"])
    let slicing = Slicing("price", numbers: (0..<100).map { Double(($0 * 37) % 100) / 2 })
    #expect(slicing.groups.map(\.name) == ["below 12.5", "12.5 to below 25", "25 to below 37.5", "37.5 or more"])
    #expect(slicing.groups.map(\.items.count) == [25, 25, 25, 25])
    #expect(slicing.groups.flatMap(\.items).sorted() == Array(0..<100), "each is in one group")
    // Most numbers are the same: intervals are fewer, and no item is lost.
    let skewed = Slicing("count", numbers: (0..<40).map { $0 < 30 ? 0 : Double($0) })
    #expect(skewed.groups.map(\.name) == ["below 30", "30 or more"])
    #expect(skewed.groups.map(\.items.count) == [30, 10])
  }

  @Test func sharesOfRightAnswersHaveWilsonsInterval() throws {
    let slicing = Slicing("side", words: ["l", "l", "l", "l", "r", "r"])
    let scores = SliceScores(slicing, isRight: [true, true, true, false, false, false])
    #expect(scores.rows.map(\.score) == [0.75, 0] && scores.rows.map(\.count) == [4, 2])
    let interval = try #require(scores.rows[0].interval)
    // statsmodels' proportion_confint(3, 4, method="wilson").
    #expect(abs(interval.lower - 0.3006418) < 1e-6 && abs(interval.upper - 0.9544127) < 1e-6)
    // |0 − 1/2| / (1/2) · √2
    #expect(abs(scores.prominence - Double(2).squareRoot()) < 1e-12)
  }

  @Test func errorsHaveTheirRoot() {
    let slicing = Slicing("side", words: ["l", "l", "r"])
    let scores = SliceScores(slicing, errors: [3, -4, 0])
    #expect(scores.rows.map(\.score) == [Double(12.5).squareRoot(), 0] && scores.rows[0].interval == nil)
  }

  /// Integers of which two are one `Double`, and codes, are groups as words are, in the order of the numbers.
  @Test func numbersWithNamesAreGroupsOfThese() {
    let names = ["9007199254740993", "12", "9007199254740992", nil, "9007199254740993"]
    let slicing = Slicing("id", numbers: names.map { $0.flatMap { Double($0) } }, names: names)
    #expect(slicing.groups.map(\.name) == ["12", "9007199254740992", "9007199254740993", "(missing)"])
    #expect(slicing.groups.map(\.items) == [[1], [2], [0, 4], [3]])
    #expect(Slicing("zip", numbers: [7, 7], names: ["07", "007"]).groups.map(\.name) == ["07", "007"])
  }
}

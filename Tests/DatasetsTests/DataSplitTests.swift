import Testing

@testable import AviaryDatasets

@Suite struct DataSplitTests {
  let labels = (0..<100).map { $0 < 80 ? 0 : 1 }

  func counts(_ positions: [Int]) -> [Int] {
    positions.reduce(into: [0, 0]) { $0[labels[$1]] += 1 }
  }

  @Test func partsAreStratifiedSeededAndWhole() throws {
    let split = try DataSplit(labels: labels, classes: ["a", "b"], validation: 0.1, test: 0.2, seed: 3)
    #expect(counts(split.training) == [56, 14])
    #expect(counts(split.validation) == [8, 2] && counts(split.test) == [16, 4])
    #expect((split.training + split.validation + split.test).sorted() == Array(0..<100))
    for part in [split.training, split.validation, split.test] { #expect(part == part.sorted()) }
    #expect(try DataSplit(labels: labels, classes: ["a", "b"], validation: 0.1, test: 0.2, seed: 3) == split)
    let other = try DataSplit(labels: labels, classes: ["a", "b"], validation: 0.1, test: 0.2, seed: 4)
    #expect(other.test != split.test && other.validation != split.validation)
  }

  @Test func aTestPartLeavesValidationItsShareOfTheWhole() throws {
    let split = try DataSplit(count: 10, validation: 0.3, test: 0.4, seed: 1)
    #expect(split.training.count == 3 && split.validation.count == 3 && split.test.count == 4)
    let none = try DataSplit(count: 10, validation: 0, seed: 1)
    #expect(none.training == Array(0..<10) && none.validation.isEmpty && none.test.isEmpty)
  }

  @Test func smallClassesKeepOneToLearnFrom() throws {
    // One of a class of one, of a class of two, of a class of three.
    let labels = [0, 1, 1, 2, 2, 2]
    let split = try DataSplit(labels: labels, classes: ["a", "b", "c"], validation: 0.1, test: 0.1, seed: 0)
    #expect(split.training.map { labels[$0] } == [0, 1, 2])
    #expect(split.test.map { labels[$0] } == [1, 2] && split.validation.map { labels[$0] } == [2])
  }

  @Test(arguments: [(-0.1, 0), (1, 0), (0.5, 0.5), (0.1, 1.5), (.nan, 0), (0, .nan), (.infinity, 0)])
  func sharesThatLeaveNothingAreRefused(validation: Double, test: Double) {
    let fault = #expect(throws: SplitFault.self) {
      try DataSplit(labels: labels, classes: ["a", "b"], validation: validation, test: test, seed: 0)
    }
    #expect(fault?.description.contains("must be") == true)
  }

  @Test func tooFewAreRefused() {
    #expect(throws: SplitFault.tooFew(count: 1, validation: 0.5, test: 0)) {
      try DataSplit(count: 1, validation: 0.5, seed: 0)
    }
    #expect(throws: SplitFault.tooFew(count: 2, validation: 0.3, test: 0.3)) {
      try DataSplit(count: 2, validation: 0.3, test: 0.3, seed: 0)
    }
    #expect(throws: SplitFault.tooFew(count: 0, validation: 0, test: 0)) {
      try DataSplit(labels: [], classes: ["a"], validation: 0, seed: 0)
    }
  }
}

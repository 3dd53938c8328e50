import Testing

@testable import AviaryDatasets

@Suite struct SplitPlanTests {
  /// 60 examples of two classes, one of them rare, in 20 groups of three.
  private let labels = (0..<60).map { $0 % 6 == 0 ? 1 : 0 }
  private let groups = (0..<60).map { $0 / 3 }
  private let classes = ["common", "rare"]

  private func split(_ change: (inout SplitPlan) -> Void) throws(SplitFault) -> DataSplit {
    var plan = SplitPlan(validation: 0.2, test: 0.2, seed: 3)
    change(&plan)
    return try DataSplit(
      count: 60, labels: labels, classes: classes, groups: plan.grouping.map { _ in groups }, by: plan)
  }

  @Test func aPlainPlanIsWhatItWas() throws {
    let split = try split { _ in }
    #expect(split == (try DataSplit(labels: labels, classes: classes, validation: 0.2, test: 0.2, seed: 3)))
    let alike = try self.split { $0.isStratified = false }
    #expect(alike == (try DataSplit(count: 60, validation: 0.2, test: 0.2, seed: 3)))
  }

  @Test(arguments: 0..<5) func groupsStayTogether(seed: UInt64) throws {
    let split = try split {
      $0.grouping = .column("animal")
      $0.seed = seed
    }
    let parts = [split.training, split.validation, split.test]
    #expect(parts.flatMap(\.self).sorted() == Array(0..<60))
    let members = parts.map { part in Set(part.map { groups[$0] }) }
    #expect(members.map(\.count).reduce(0, +) == 20, "no group is in two parts")
    for held in parts.dropFirst() {
      #expect((9...15).contains(held.count))
      #expect(held.contains { labels[$0] == 1 }, "the rare class has its share")
    }
  }

  @Test func aFoldIsTheTestAndTheRestIsValidated() throws {
    var tested: [Int] = []
    for fold in 0..<4 {
      let split = try split {
        $0.grouping = .column("animal")
        $0.fold = SplitPlan.FoldPlace(folds: 4, fold: fold)
      }
      let parts = [split.training, split.validation, split.test]
      #expect(parts.flatMap(\.self).sorted() == Array(0..<60) && parts.allSatisfy { !$0.isEmpty })
      let members = parts.map { part in Set(part.map { groups[$0] }) }
      #expect(members.map(\.count).reduce(0, +) == 20)
      tested += split.test
    }
    #expect(tested.sorted() == Array(0..<60))
  }

  @Test func inOrderNothingComesBeforeWhatItIsLearnedFrom() throws {
    for fold in 0..<5 {
      let split = try split {
        $0.isInOrder = true
        $0.fold = SplitPlan.FoldPlace(folds: 5, fold: fold)
      }
      #expect(split.training + split.validation + split.test == Array(0..<(fold + 2) * 10))
      #expect(split.leftOut == Array((fold + 2) * 10..<60))
    }
    let plain = try split { $0.isInOrder = true }
    #expect(plain.training + plain.validation + plain.test == Array(0..<60) && plain.test.count == 12)
  }

  @Test func aBootstrapSampleLeavesOutAThird() throws {
    let first = try split { $0.sample = 0 }
    let whole = try split { _ in }
    #expect(first.training.count == whole.training.count && first.training == first.training.sorted())
    #expect(Set(first.training).union(first.outOfBag) == Set(whole.training))
    #expect(Set(first.training).isDisjoint(with: first.outOfBag))
    #expect((8...18).contains(first.outOfBag.count), "about 1/e of 36")
    #expect(first.validation == whole.validation && first.test == whole.test)
    let second = try split { $0.sample = 1 }
    #expect(second.training != first.training)
    let grouped = try split {
      $0.sample = 0
      $0.grouping = .column("animal")
    }
    #expect(Set(grouped.training.map { groups[$0] }).isDisjoint(with: grouped.outOfBag.map { groups[$0] }))
  }

  @Test func whatCannotBeDividedIsRefused() {
    #expect(throws: SplitFault.oneGroup(count: 60)) {
      var plan = SplitPlan(validation: 0.2)
      plan.grouping = .column("animal")
      _ = try DataSplit(count: 60, groups: Array(repeating: 4, count: 60), by: plan)
    }
    #expect(throws: SplitFault.tooManyFolds(folds: 21, items: "groups", count: 20)) {
      _ = try split {
        $0.grouping = .column("animal")
        $0.isStratified = false
        $0.fold = SplitPlan.FoldPlace(folds: 21, fold: 0)
      }
    }
  }

  @Test func aPatternFindsGroupsInNames() throws {
    let pattern = try GroupPattern("^(.*)_[0-9]+")
    #expect(try pattern.groups(of: ["x/rex_1.jpg", "x/tom_1.jpg", "y/rex_2.jpg"]) == [0, 1, 0])
    #expect(try GroupPattern("cat|dog").group(of: "a dog.png") == "dog")
    #expect(try GroupPattern("([^/]+)/[^/]+$").group(of: "dogs/rex/1.jpg") == "rex")
    #expect(throws: SplitFault.noGroup(item: "x/1.jpg", count: 2, pattern: "^(.*)_[0-9]+")) {
      try pattern.groups(of: ["x/1.jpg", "x/rex_1.jpg", "x/2.jpg"])
    }
    #expect(throws: SplitFault.badPattern("(")) { try GroupPattern("(") }
    #expect(throws: SplitFault.badPattern("")) { try GroupPattern("") }
  }
}

import Testing

@testable import AviaryDatasets

@Suite struct PreparedTableTests {
  /// Rows of two classes, of which every tenth lacks its target and every seventh a feature.
  func flowers(_ count: Int = 140) -> Table {
    let rows = 0..<count
    return Table([
      Table.Column("width", .numeric(rows.map { $0 % 7 == 3 ? nil : Double($0) })),
      Table.Column("colour", .categorical(rows.map { ["red", "blue", "white"][$0 % 3] })),
      Table.Column("species", .categorical(rows.map { $0 % 10 == 9 ? nil : $0 % 4 == 0 ? "iris" : "rose" })),
    ])
  }

  @Test func partsAreStratifiedAndFittedToTraining() throws {
    let data = try PreparedTable<TablePreprocessing>(
      flowers(), TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 1)
    #expect(data.parts.skipped == 14 && data.preprocessing.target.classes == ["iris", "rose"])
    let validation = try #require(data.parts.validation)
    let test = try #require(data.parts.test)
    #expect(data.parts.training.count + validation.count + test.count == 126)
    for (part, share) in [(data.parts.training, 0.7), (validation, 0.1), (test, 0.2)] {
      for label: Int32 in [0, 1] {
        let all = flowers().columns[2].values
        guard case .categorical(let species) = all else { return }
        let whole = species.count { $0 == (label == 0 ? "iris" : "rose") }
        #expect(abs(Double(part.labels.count { $0 == label }) - share * Double(whole)) <= 1)
      }
      #expect(part.targets.isEmpty && part.inputs.width == 4 && part.labels.count == part.count)
    }
    // The mean is that of the training rows: their standardised feature has mean 0, that of all rows has not.
    func mean(_ part: Examples<TableFeatures>) -> Float {
      (0..<part.count).reduce(0) { $0 + part.inputs.values[$1 * 4] } / Float(part.count)
    }
    #expect(abs(mean(data.parts.training)) < 1e-5 && abs(mean(test)) > 1e-5)
    let again = try PreparedTable<TablePreprocessing>(
      flowers(), TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 1)
    #expect(again.parts.training == data.parts.training && again.preprocessing == data.preprocessing)
    let other = try PreparedTable<TablePreprocessing>(
      flowers(), TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 2)
    #expect(other.parts.training.inputs.rows != data.parts.training.inputs.rows)
  }

  @Test func groupsOfTwoPlacesAreCompared() {
    let shared = SharedGroups(["p2", "p1", "p1", "e\u{301}"], ["p9", "p2", "p1", "p2", "\u{e9}"], part: "test")
    #expect(shared?.names == ["p1", "p2"], "names are compared byte by byte")
    #expect(shared?.remark == "2 groups are in the training and in the test part, such as 'p1'")
    #expect(
      SharedGroups(["a"], ["a"], part: "validation")?.remark
        == "1 group is in the training and in the validation part, such as 'a'")
    #expect(SharedGroups(["a"], ["b"], part: "test") == nil)
  }

  /// What is held out says which rows, however they are prepared.
  @Test func divisionsAreToldApartByTheirRows() throws {
    func held(_ change: (inout TableSettings) -> Void = { _ in }, validation: Double = 0.1, seed: UInt64 = 1) throws
      -> HeldOut
    {
      var settings = TableSettings(target: "species")
      change(&settings)
      return try PreparedTable<TablePreprocessing>(
        flowers(), settings, validation: validation, test: 0.2, seed: seed
      ).held
    }
    let first = try held()
    #expect(try held { $0.excluded = ["colour"] } == first && first.validation != nil && first.outOfBag == nil)
    #expect(try held { $0.missing = .dropRow } != first && held(seed: 2) != first)
    let wider = try held(validation: 0.2)
    #expect(wider.test == first.test && wider.validation != first.validation)
  }

  /// Whoever has a class for each row is told what to do about it.
  @Test func classesOfARowEachAreRefused() throws {
    let rows = 0..<40
    let table = Table([
      Table.Column("review", .categorical(rows.map { "text \($0)" })),
      Table.Column("price", .numeric(rows.map { Double($0) / 2 })),
      Table.Column("name", .categorical(rows.map { "n\($0)" })),
    ])
    func advice(_ body: () throws -> Void) -> RareClassAdvice? {
      guard case .rareClasses(_, _, 40, 40, let advice)? = #expect(throws: TableFault.self, performing: body) else {
        return nil
      }
      return advice
    }
    var settings = TableSettings(target: "price")
    settings.task = .classification
    #expect(advice { _ = try PreparedTable<TablePreprocessing>(table, settings) } == .estimateNumbers)
    #expect(
      advice { _ = try PreparedTable<TablePreprocessing>(table, TableSettings(target: "name")) } == .fewerClasses)
    let texts = TextColumnSettings(target: "price", column: "review")
    #expect(advice { _ = try PreparedTable<TextColumnPreprocessing>(table, texts) } == .onlyClassesAreLearned)
    #expect(throws: Never.self) { try PreparedTable<TablePreprocessing>(table, TableSettings(target: "price")) }
  }

  @Test func rowsGetEachOthersValuesOfAColumn() throws {
    let table = flowers(6)
    let shuffled = try table.shuffling("colour", among: [0, 2, 5], by: [2, 0, 1])
    #expect(shuffled["colour"]?.values == .categorical(["white", "blue", "red", "red", "blue", "white"]))
    let numbers = try table.shuffling("width", among: [2, 3, 4], by: [1, 2, 0])
    #expect(numbers["width"]?.values == .numeric([0, 1, nil, 4, 2, 5]))
    for other in ["width", "species"] { #expect(shuffled[other] == table[other]) }
    #expect(shuffled.rowNumbers == table.rowNumbers && shuffled.path == table.path)
    #expect(throws: TableFault.self) { try table.shuffling("height", among: [], by: []) }
  }

  @Test func rowsWithMissingValuesMayBeLeftOut() throws {
    var settings = TableSettings(target: "species")
    settings.missing = .dropRow
    let data = try PreparedTable<TablePreprocessing>(flowers(), settings, validation: 0, seed: 0)
    #expect(data.parts.validation == nil && data.parts.test == nil)
    #expect(data.parts.training.count == 108 && data.parts.skipped == 32)
    #expect(data.parts.training.inputs.rows.allSatisfy { $0 % 7 != 3 && $0 % 10 != 9 })
  }

  @Test func regressionTargetsComeBackFromTheirStandardisedForm() throws {
    let table = Table([
      Table.Column("x", .numeric((0..<50).map { Double($0) })),
      Table.Column("y", .numeric((0..<50).map { 1000 + 3 * Double($0) })),
    ])
    var settings = TableSettings(target: "y")
    settings.standardisesTarget = true
    let data = try PreparedTable<TablePreprocessing>(table, settings, validation: 0.2, seed: 4)
    #expect(data.parts.training.labels.isEmpty && data.parts.training.count == 40 && data.parts.validation?.count == 10)
    let sum = data.parts.training.targets.reduce(0, +)
    let squares = data.parts.training.targets.reduce(0) { $0 + $1 * $1 }
    #expect(abs(sum) < 1e-4 && abs(squares - 40) < 1e-3)
    for (row, target) in zip(data.parts.training.inputs.rows, data.parts.training.targets) {
      #expect(abs(data.preprocessing.restored(target) - (1000 + 3 * Double(row))) < 1e-3)
    }
    let places = [3, 0]
    let batch = data.parts.training.batch(of: places)
    guard case .numbers(let targets) = batch.target else {
      Issue.record("a regression has numbers")
      return
    }
    #expect(batch.inputs.shape == [2, 1] && targets.shape == [2, 1] && batch.count == 2)
    #expect(targets.scalars == [data.parts.training.targets[3], data.parts.training.targets[0]])
    settings.standardisesTarget = false
    let plain = try PreparedTable<TablePreprocessing>(table, settings, validation: 0.2, seed: 4)
    #expect(plain.parts.training.targets.first == Float(1000 + 3 * plain.parts.training.inputs.rows[0]))
    #expect(plain.preprocessing.restored(7) == 7)
  }

  @Test func numbersMayBeClasses() throws {
    let table = Table([
      Table.Column("x", .numeric((0..<30).map { Double($0) })),
      Table.Column("y", .numeric((0..<30).map { [10, 9, -1.5][$0 % 3] })),
    ])
    let data = try PreparedTable<TablePreprocessing>(table, TableSettings(target: "y", task: .classification), seed: 0)
    #expect(data.preprocessing.target.classes == ["-1.5", "9", "10"], "sorted by value, not by letters")
    for (row, label) in zip(data.parts.training.inputs.rows, data.parts.training.labels) {
      #expect(label == [2, 1, 0][row % 3])
    }
    guard case .classes(let labels) = data.parts.training.batch(of: [1, 1]).target else {
      Issue.record("a classification has classes")
      return
    }
    #expect(labels.shape == [2] && labels.scalars == [data.parts.training.labels[1], data.parts.training.labels[1]])
  }

  @Test func whatCannotBeSplitIsRefused() {
    let settings = TableSettings(target: "species")
    #expect(throws: TableFault.self) {
      try PreparedTable<TablePreprocessing>(flowers(), settings, validation: 1, seed: 0)
    }
    #expect(throws: TableFault.split(path: "table", .tooFew(count: 2, validation: 0.1, test: 0))) {
      try PreparedTable<TablePreprocessing>(flowers(2), settings, validation: 0.1, seed: 0)
    }
    #expect(throws: TableFault.oneClass(path: "table", column: "species", name: "iris")) {
      try PreparedTable<TablePreprocessing>(flowers(1), settings, validation: 0, seed: 0)
    }
    #expect(throws: TableFault.noColumn(path: "table", name: "kind", columns: ["width", "colour", "species"])) {
      try PreparedTable<TablePreprocessing>(flowers(), TableSettings(target: "kind"), seed: 0)
    }
  }
}

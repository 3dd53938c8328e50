import Testing

@testable import AviaryDatasets

@Suite struct TableDatasetTests {
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
    let data = try TableDataset(flowers(), TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 1)
    #expect(data.skipped == 14 && data.preprocessing.target.classes == ["iris", "rose"])
    let validation = try #require(data.validation)
    let test = try #require(data.test)
    #expect(data.training.count + validation.count + test.count == 126)
    for (part, share) in [(data.training, 0.7), (validation, 0.1), (test, 0.2)] {
      for label: Int32 in [0, 1] {
        let all = flowers().columns[2].values
        guard case .categorical(let species) = all else { return }
        let whole = species.count { $0 == (label == 0 ? "iris" : "rose") }
        #expect(abs(Double(part.labels.count { $0 == label }) - share * Double(whole)) <= 1)
      }
      #expect(part.targets.isEmpty && part.features.width == 4 && part.labels.count == part.count)
    }
    // The mean is that of the training rows: their standardised feature has mean 0, that of all rows has not.
    func mean(_ part: TablePart) -> Float {
      (0..<part.count).reduce(0) { $0 + part.features.values[$1 * 4] } / Float(part.count)
    }
    #expect(abs(mean(data.training)) < 1e-5 && abs(mean(test)) > 1e-5)
    let again = try TableDataset(flowers(), TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 1)
    #expect(again.training == data.training && again.preprocessing == data.preprocessing)
    let other = try TableDataset(flowers(), TableSettings(target: "species"), validation: 0.1, test: 0.2, seed: 2)
    #expect(other.training.features.rows != data.training.features.rows)
  }

  @Test func rowsWithMissingValuesMayBeLeftOut() throws {
    var settings = TableSettings(target: "species")
    settings.missing = .dropRow
    let data = try TableDataset(flowers(), settings, validation: 0, seed: 0)
    #expect(data.validation == nil && data.test == nil)
    #expect(data.training.count == 108 && data.skipped == 32)
    #expect(data.training.features.rows.allSatisfy { $0 % 7 != 3 && $0 % 10 != 9 })
  }

  @Test func regressionTargetsComeBackFromTheirStandardisedForm() throws {
    let table = Table([
      Table.Column("x", .numeric((0..<50).map { Double($0) })),
      Table.Column("y", .numeric((0..<50).map { 1000 + 3 * Double($0) })),
    ])
    var settings = TableSettings(target: "y")
    settings.standardisesTarget = true
    let data = try TableDataset(table, settings, validation: 0.2, seed: 4)
    #expect(data.training.labels.isEmpty && data.training.count == 40 && data.validation?.count == 10)
    let sum = data.training.targets.reduce(0, +)
    let squares = data.training.targets.reduce(0) { $0 + $1 * $1 }
    #expect(abs(sum) < 1e-4 && abs(squares - 40) < 1e-3)
    for (row, target) in zip(data.training.features.rows, data.training.targets) {
      #expect(abs(data.preprocessing.restored(target) - (1000 + 3 * Double(row))) < 1e-3)
    }
    let places = [3, 0]
    #expect(data.training.inputs(places).shape == [2, 1] && data.training.targets(places).shape == [2, 1])
    #expect(data.training.targets(places).scalars == [data.training.targets[3], data.training.targets[0]])
    settings.standardisesTarget = false
    let plain = try TableDataset(table, settings, validation: 0.2, seed: 4)
    #expect(plain.training.targets.first == Float(1000 + 3 * plain.training.features.rows[0]))
    #expect(plain.preprocessing.restored(7) == 7)
  }

  @Test func numbersMayBeClasses() throws {
    let table = Table([
      Table.Column("x", .numeric((0..<30).map { Double($0) })),
      Table.Column("y", .numeric((0..<30).map { [10, 9, -1.5][$0 % 3] })),
    ])
    let data = try TableDataset(table, TableSettings(target: "y", task: .classification), seed: 0)
    #expect(data.preprocessing.target.classes == ["-1.5", "9", "10"], "sorted by value, not by letters")
    for (row, label) in zip(data.training.features.rows, data.training.labels) {
      #expect(label == [2, 1, 0][row % 3])
    }
    #expect(data.training.labels([1, 1]).shape == [2])
  }

  @Test func whatCannotBeSplitIsRefused() {
    let settings = TableSettings(target: "species")
    #expect(throws: TableFault.self) { try TableDataset(flowers(), settings, validation: 1, seed: 0) }
    #expect(throws: TableFault.split(path: "table", .tooFew(count: 2, validation: 0.1, test: 0))) {
      try TableDataset(flowers(2), settings, validation: 0.1, seed: 0)
    }
    #expect(throws: TableFault.oneClass(path: "table", column: "species", name: "iris")) {
      try TableDataset(flowers(1), settings, validation: 0, seed: 0)
    }
    #expect(throws: TableFault.noColumn(path: "table", name: "kind", columns: ["width", "colour", "species"])) {
      try TableDataset(flowers(), TableSettings(target: "kind"), seed: 0)
    }
  }
}

import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

/// Bins, further scalings and dropped outliers, as scikit-learn has them.
@Suite struct ColumnPreparationTests {
  private struct Case: Decodable {
    struct Bins: Decodable {
      let strategy: String
      let bins: Int
      let count: Int
      let codes: [Int]
      let edges: [Double]?
    }

    let name: String
    let values: [Double]
    let new: [Double]
    let robust: [Double]
    let symmetric: [Double]
    let bins: [Bins]
  }

  private func cases() throws -> [Case] {
    try JSONDecoder().decode(
      [Case].self, from: Data(contentsOf: URL(filePath: ImageGoldens.folder + "/columns.json")))
  }

  private func table(_ values: [Double?]) -> Table {
    Table([.init("x", .numeric(values)), .init("y", .numeric(values.indices.map { Double($0) }))])
  }

  private func features(_ values: [Double], _ new: [Double], _ settings: TableSettings) throws -> (
    preprocessing: TablePreprocessing, rows: [[Float]]
  ) {
    let fitted = try TablePreprocessing(fitting: table(values), settings)
    // What was stored does the same.
    let preprocessing = try TablePreprocessing(json: fitted.json())
    #expect(preprocessing == fitted)
    let found = try preprocessing.features(of: table(values + new))
    #expect(found.width == preprocessing.featureNames.count)
    let rows = (0..<found.count).map { Array(found.values[$0 * found.width..<($0 + 1) * found.width]) }
    return (preprocessing, rows)
  }

  @Test func scalesAsScikitLearn() throws {
    for known in try cases() {
      for (scaling, expected) in [(TableSettings.Scaling.robust, known.robust), (.symmetric, known.symmetric)] {
        var settings = TableSettings(target: "y")
        settings.scaling = scaling
        let rows = try features(known.values, known.new, settings).rows
        #expect(rows.count == expected.count)
        for (row, value) in zip(rows, expected) {
          #expect(abs(Double(row[0]) - value) <= 1e-6 * max(1, abs(value)), "\(known.name) \(scaling)")
        }
      }
    }
  }

  @Test func binsAsScikitLearn() throws {
    for known in try cases() {
      for bins in known.bins {
        let strategy = try #require(TableSettings.Binning.Strategy(rawValue: bins.strategy))
        var settings = TableSettings(target: "y")
        settings.scaling = .none
        settings.binning = .init(bins: bins.bins, strategy: strategy, encoding: .ordinal)
        let (ordinal, codes) = try features(known.values, known.new, settings)
        #expect(codes.map { Int($0[0]) } == bins.codes, "\(known.name) \(bins.strategy) \(bins.bins)")
        if let edges = bins.edges {
          let own = try #require(ordinal.numeric[0].edges)
          #expect(own.count == edges.count)
          for (a, b) in zip(own, edges) { #expect(abs(a - b) < 1e-12 * max(1, abs(b))) }
        }
        settings.binning?.encoding = .oneHot
        let (oneHot, rows) = try features(known.values, known.new, settings)
        #expect(oneHot.featureCount == bins.count && oneHot.numeric.isEmpty && oneHot.columnNames == ["x"])
        for (row, code) in zip(rows, bins.codes) {
          #expect(row.indices.map { row[$0] == 1 ? 1 : 0 } == row.indices.map { $0 == code ? 1 : 0 })
        }
      }
    }
  }

  @Test func binsChosenColumnsAndRefusesOthers() throws {
    let table = Table([
      .init("a", .numeric([1, 2, nil, 4])), .init("b", .numeric([5, 6, 7, 8])),
      .init("c", .categorical(["u", "v", "u", "v"])),
      .init("y", .numeric([1, 2, 3, 4])),
    ])
    var settings = TableSettings(target: "y")
    settings.binning = .init(bins: 2, columns: ["a"])
    let fitted = try TablePreprocessing(fitting: table, settings)
    #expect(fitted.featureNames.count == 1 + 2 + 2 && fitted.featureNames[0] == "b")
    #expect(fitted.columnNames.sorted() == ["a", "b", "c"])
    #expect(try fitted.features(of: table).count == 4)
    settings.missing = .dropRow
    #expect(try TablePreprocessing(fitting: table, settings).features(of: table).rows == [0, 1, 3])
    for columns in [["c"], ["y"], ["nothing"]] {
      settings.binning?.columns = columns
      #expect(throws: TableFault.self) { try TablePreprocessing(fitting: table, settings) }
    }
    settings.binning = .init(bins: 1)
    #expect(throws: TableFault.self) { try settings.validate() }
  }

  @Test func outliersAreDroppedFromTrainingAlone() throws {
    var values = (0..<40).map { Double($0 % 7) }
    values[3] = 1000
    values[17] = -900
    let table = Table([
      .init("x", .numeric(values)),
      .init("z", .numeric(values.indices.map { $0 == 17 || $0 == 20 ? 5000 : Double($0 % 3) })),
      .init("y", .numeric(values.indices.map { Double($0) })),
    ])
    var settings = TableSettings(target: "y")
    settings.outliers = .dropInterquartile(3)
    let all = Array(0..<40)
    let (rows, dropped) = try TablePreprocessing.withoutOutliers(table, rows: all, settings)
    #expect(rows == all.filter { ![3, 17, 20].contains($0) })
    #expect(dropped.count == 3 && dropped.columns.map(\.name) == ["x", "z"] && dropped.columns.map(\.count) == [2, 2])
    #expect(dropped.remark == "3 training rows with outliers dropped (x 2, z 2)")
    let prepared = try PreparedTable<TablePreprocessing>(table, settings, validation: 0.3)
    let held = try #require(prepared.parts.validation)
    #expect(prepared.parts.training.count + held.count + prepared.dropped.count == 40 && prepared.parts.skipped == 0)
    // What is held out keeps its outliers, whose values are not clipped.
    let isHeld = held.inputs.rows.filter { [3, 17, 20].contains($0) }
    #expect(prepared.dropped.count == 3 - isHeld.count)
    // A z-score: the deviation is that of all values.
    settings.outliers = .dropDeviations(3)
    let mean = values.reduce(0, +) / 40
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40).squareRoot()
    let far = all.filter { abs(values[$0] - mean) > 3 * deviation }
    #expect(
      try TablePreprocessing.withoutOutliers(table, rows: all, settings).dropped.columns.first?.count == far.count)
    settings.outliers = .keep
    #expect(try TablePreprocessing.withoutOutliers(table, rows: all, settings).rows == all)
  }

  @Test func olderPreparationsAreRead() throws {
    let fitted = try TablePreprocessing(fitting: table([1, 2, 3]), TableSettings(target: "y"))
    let text = try fitted.json()
    for name in ["binned", "dates", "binning", "edges"] { #expect(!text.contains(name)) }
  }

  @Test func damagedPreparationsAreRefused() throws {
    var settings = TableSettings(target: "y")
    settings.binning = .init(bins: 3)
    let fitted = try TablePreprocessing(fitting: table([1, 2, 3, 5, 8]), settings)
    func refuses(_ damage: (inout TablePreprocessing) -> Void) throws {
      var damaged = fitted
      damage(&damaged)
      #expect(throws: TableFault.self) { try damaged.validated() }
    }
    _ = try fitted.validated()
    try refuses { $0.binned?[0].edges = [3, 2, 1] }
    try refuses { $0.binned?[0].edges = nil }
    try refuses { $0.binned?[0].edges = [1] }
    try refuses { $0.binned?.append(fitted.binned![0]) }
  }
}

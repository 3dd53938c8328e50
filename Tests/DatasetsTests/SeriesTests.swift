import AviaryTensors
import Foundation
import Testing

@testable import AviaryDatasets

/// Time series in tables: windows, parts and scaling.
@Suite struct SeriesTests {
  /// 20 days with a temperature, a wind and words.
  private func table(_ change: (inout [String]) -> Void = { _ in }) throws -> Table {
    var lines = (0..<20).map { "day \($0),\(10 * $0),\($0 % 2)" }
    change(&lines)
    return try Table(csv: Array(("day,t,wind\n" + lines.joined(separator: "\n") + "\n").utf8), path: "days.csv")
  }

  private func settings(window: Int = 3, horizon: Int = 1) -> SeriesSettings {
    var settings = SeriesSettings(target: "t", window: window)
    settings.horizon = horizon
    return settings
  }

  private func prepared(
    _ table: Table, _ settings: SeriesSettings, keeping known: SeriesPreprocessing? = nil, validation: Double = 0.1
  ) throws(TableFault) -> PreparedTable<SeriesPreprocessing> {
    try PreparedTable(table, settings, keeping: known, validation: validation, test: 0.1)
  }

  private func targets(_ examples: Examples<SeriesWindows>?, _ places: [Int]) -> [Float] {
    places.compactMap { examples?.targets[$0] }
  }

  @Test func windowsAreTheRowsBeforeTheirTarget() throws {
    var settings = settings(horizon: 2)
    settings.scaling = .none
    let data = try prepared(table(), settings, validation: 0.2)
    #expect(data.preprocessing.columns.map(\.name) == ["t", "wind"], "words are passed over")
    let rows = try data.preprocessing.rows(of: table())
    #expect(data.preprocessing.inputShape == [3, 2] && rows.count == 20 && rows.windows == 16)
    // 14 rows are learned from, 4 validate, 2 are the test.
    #expect(data.parts.all.map(\.count) == [10, 4, 2])
    #expect(data.parts.training.inputs.batch([0]).shape == [1, 3, 2])
    #expect(data.parts.training.inputs.batch([0]).scalars == [0, 0, 10, 1, 20, 0])
    #expect(targets(data.parts.training, [0, 9]) == [40, 130], "the last target is the last training row")
    #expect(
      data.parts.validation?.inputs.batch([0]).scalars == [100, 0, 110, 1, 120, 0], "it begins in the training rows")
    #expect(targets(data.parts.validation, [0, 3]) == [140, 170])
    #expect(targets(data.parts.test, [0, 1]) == [180, 190])
    #expect(rows.last?.scalars == [170, 1, 180, 0, 190, 1])
    #expect(
      rows.examples(targets: 0..<20).count == 16 && targets(rows.examples(targets: 0..<20), [0, 15]) == [40, 190])
  }

  @Test func scalingKnowsNothingOfWhatComesLater() throws {
    let data = try prepared(table(), settings())
    // 16 training rows: 0, 10 … 150, and as many of 0 as of 1.
    let column = data.preprocessing.columns[0]
    #expect(column.shift == 75 && abs(column.scale - 46.097722286464435) < 1e-12)
    #expect(data.preprocessing.columns[1] == .init(name: "wind", shift: 0.5, scale: 0.5))
    let later = try prepared(table { $0[18] = "day 18,9999,1" }, settings())
    #expect(later.preprocessing == data.preprocessing)
    #expect(abs(data.preprocessing.restored(targets(data.parts.test, [0])[0]) - 180) < 1e-3)
  }

  @Test func aKnownPreprocessingStaysAsItIs() throws {
    let known = try prepared(table(), settings()).preprocessing
    let other = try table { lines in lines = (0..<30).map { "x,\($0),5" } }
    let data = try prepared(other, settings(window: 5), keeping: known)
    #expect(data.preprocessing.columns == known.columns && data.preprocessing.inputShape == [5, 2])
    var wind = settings()
    wind.target = "wind"
    #expect(try prepared(other, wind, keeping: known).preprocessing.restored(1) == 1)
    wind.target = "rain"
    #expect(throws: TableFault.self) { try prepared(other, wind, keeping: known) }
    let copy = try JSONDecoder().decode(SeriesPreprocessing.self, from: JSONEncoder().encode(known))
    #expect(try copy.validated() == known)
  }

  @Test func whatIsNoSeriesIsRefused() throws {
    func fault(_ table: Table, _ settings: SeriesSettings) -> TableFault? {
      do throws(TableFault) {
        _ = try prepared(table, settings)
        return nil
      } catch { return error }
    }
    #expect(
      fault(try table { $0[3] = "day 3,,1" }, settings()) == .missingInSeries(path: "days.csv", row: 5, column: "t"))
    #expect(
      fault(try table { $0[3] = "day 3,1e300,1" }, settings()) != nil, "beyond Float32 once it is scaled")
    #expect(fault(try table(), settings(window: 16)) == .seriesTooShort(path: "days.csv", rows: 16, needed: 17))
    #expect(fault(try table { $0 = ["a,1,2"] }, settings()) == .seriesTooShort(path: "days.csv", rows: 0, needed: 4))
    var words = settings()
    words.target = "day"
    #expect(fault(try table(), words) == .seriesOfWords(path: "days.csv", column: "day"))
    words.target = "rain"
    #expect(fault(try table(), words) == .noColumn(path: "days.csv", name: "rain", columns: ["day", "t", "wind"]))
    for (window, horizon) in [(0, 1), (-3, 1), (3, 0), (Int.max, 1), (3, Int.max)] {
      let refused = fault(try table(), settings(window: window, horizon: horizon))
      guard case .invalidSetting = refused else {
        Issue.record("\(window), \(horizon): \(String(describing: refused))")
        continue
      }
    }
    let known = try SeriesPreprocessing(fitting: table(), rows: 16, settings())
    #expect(try known.rows(of: table { $0 = ["a,1,2"] }).last == nil)
  }

  @Test(arguments: [
    #"{"settings":{"target":"t","window":3,"horizon":1,"excluded":[],"scaling":"none"},"columns":[]}"#,
    #"{"settings":{"target":"t","window":0,"horizon":1,"excluded":[],"scaling":"none"},"columns":[{"name":"t","shift":0,"scale":1}]}"#,
    #"{"settings":{"target":"t","window":3,"horizon":1,"excluded":[],"scaling":"none"},"columns":[{"name":"t","shift":0,"scale":0}]}"#,
    #"{"settings":{"target":"t","window":3,"horizon":1,"excluded":[],"scaling":"none"},"columns":[{"name":"t","shift":0,"scale":1},{"name":"t","shift":0,"scale":1}]}"#,
  ]) func storedContradictionsAreRefused(_ json: String) throws {
    let stored = try JSONDecoder().decode(SeriesPreprocessing.self, from: Data(json.utf8))
    #expect(throws: TableFault.self) { try stored.validated() }
  }
}

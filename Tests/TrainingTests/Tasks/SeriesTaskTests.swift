import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on time series, from their files to their checkpoints.
@Suite struct SeriesTaskTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

  private func series(_ rows: Int = 240) throws -> String {
    var text = "day,level,wind\n"
    for row in 0..<rows { text += "d\(row),\(100 + 40 * sin(Double(row) / 4)),\(row % 5)\n" }
    return try place.write(text, to: "levels.csv")
  }

  /// A wave, whose next value the last ones tell; a mean would be off by 28.
  @Test(arguments: [("sequence-gru", "12"), ("sequence-lstm", "12"), ("mlp", "[12]")])
  func aSeriesIsLearned(name: String, hidden: String) throws {
    let data = try series()
    var options = place.options(data, epochs: 30)
    options.kind = .series(SeriesSettings(target: "level", window: 8))
    options.configuration = [ConfigurationChange(name: "hidden", value: hidden)]
    if name == "mlp" { options.configuration.append(ConfigurationChange(name: "dropout", value: "[]")) }
    let summary = try place.train(name, options)
    #expect(summary.classes.isEmpty && summary.testAccuracy == nil && summary.items == "windows")
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    guard case .series(let preprocessing)? = try best.inputPreparation() else {
      Issue.record("the checkpoint does not know the series")
      return
    }
    func check(_ model: some Classifier) throws {
      let predictor = ExamplePredictor(model, preprocessing)
      let rows = try preprocessing.rows(of: preprocessing.table(csv: data))
      let metrics = predictor.regression(rows.examples(targets: 216..<240))
      let error = try #require(metrics.rootMeanSquaredError)
      #expect(metrics.count == 24 && error < 6, "in the table's own units")
      let scale = preprocessing.restored(1) - preprocessing.restored(0)
      let expected = try #require(summary.testLoss).squareRoot() * scale
      #expect(abs(error - expected) < 1e-3 * expected, "it is the test part that the summary tells of")
      let next = try #require(predictor.next(after: rows))
      let truth = 100 + 40 * sin(60.0)
      #expect(abs(next - truth) < 12)
    }
    try check(Registry.zoo.classifier(from: best, path: "best.h5").model)
  }

  @Test func aSeriesIsGoneOnWith() throws {
    let data = try series(120)
    var options = place.options(data, epochs: 2)
    options.kind = .series(SeriesSettings(target: "level", window: 6))
    options.configuration = [ConfigurationChange(name: "hidden", value: "4")]
    let summary = try place.train("sequence-gru", options)
    let again = try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary)
    #expect(again.testLoss == summary.testLoss)
    let path = place.path + "/run/best.h5"
    let first = try Checkpoint.read(from: path)
    func start(_ options: TrainingOptions, at run: String) throws {
      _ = try NetworkTraining.start(
        options, from: .checkpoint(first, path: path), registry: .zoo, at: place.path + "/" + run
      ) { _ in }
    }
    options.configuration = []
    var longer = SeriesSettings(target: "level", window: 9)
    options.kind = .series(longer)
    try start(options, at: "longer")
    guard case .series(let known)? = try first.inputPreparation(),
      case .series(let kept)? = try Checkpoint.read(from: place.path + "/longer/best.h5").inputPreparation()
    else {
      Issue.record("the checkpoints do not know the series")
      return
    }
    #expect(kept.columns == known.columns && kept.settings.window == 9)
    longer.scaling = .minMax
    options.kind = .series(longer)
    #expect(throws: TrainingFault.keptPreparation(path: path)) { try start(options, at: "not") }
    options.kind = .table(TableSettings(target: "level"))
    #expect(throws: TrainingFault.otherKind(path: path, known: "a time series; give --window")) {
      try start(options, at: "not")
    }
    options.kind = .textColumn(TextColumnSettings(target: "level", column: "day"))
    #expect(throws: TrainingFault.otherKind(path: path, known: "a time series; give --window")) {
      try start(options, at: "not")
    }
  }
}

import AviaryDatasets
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

@Suite struct TrainingOptionsTests {
  /// What `aviary train` of version 0.1 wrote for each kind of data, at paths that lie elsewhere now.
  private func stored(_ name: String, at data: String) throws -> TrainingOptions {
    let url = Goldens.url("options-0.1/\(name).json", of: "TrainingTests")
    var members = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    members["data"] = data
    return try JSONDecoder().decode(TrainingOptions.self, from: JSONSerialization.data(withJSONObject: members))
  }

  private func roundTrip(_ options: TrainingOptions) throws -> TrainingOptions {
    try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(options))
  }

  @Test func optionsOfVersion01AreRead() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-options-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder + "/graph", withIntermediateDirectories: true)
    for name in ["table.csv", "text.txt", "graph/edges.txt"] {
      try Data("x".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }

    let images = try stored("images", at: folder)
    #expect(images.architecture == "resnet-toy" && images.epochs == 2 && images.batchSize == 8 && images.seed == 5)
    #expect(images.weightAverageDecay == 0.9 && images.optimizer.kind == .adamw && images.workers == 1)
    var expected = ImageOptions()
    expected.imageSize = 32
    expected.augmentation = .standard
    expected.labelSmoothing = 0.1
    expected.mixup = 0.2
    #expect(images.kind == .images(expected))

    var settings = TableSettings(target: "kind")
    settings.missing = .median
    settings.standardisesTarget = false  // As it was by default then.
    #expect(try stored("table", at: folder + "/table.csv").kind == .table(settings))
    let series = try stored("series", at: folder + "/table.csv")
    #expect(series.kind == .series(SeriesSettings(target: "level", window: 6)) && series.clipping?.norm == 5)
    var texts = TextColumnSettings(target: "kind", column: "word")
    texts.longest = 6
    #expect(try stored("characters", at: folder + "/table.csv").kind == .textColumn(texts))
    #expect(try stored("text", at: folder + "/text.txt").kind == .text(TextOptions(sequenceLength: 10)))
    let graph = try stored("graph", at: folder + "/graph")
    #expect(graph.kind == .graph(GraphOptions()) && graph.groups.count == 1)

    for options in [images, series, graph] { #expect(try roundTrip(options) == options) }
    // Data that are gone are missed when the run is resumed, not when its options are read.
    #expect(try stored("text", at: "/nowhere").kind == nil)
  }

  @Test func optionsAreKeptAsTheyAre() throws {
    var options = TrainingOptions(epochs: 3, optimizer: OptimizerConfiguration(.sgd, learningRate: 0.1))
    #expect(options.kind == nil && options.data.isEmpty && options.images == ImageOptions())
    #expect(try roundTrip(options) == options)
    options.images.cutMix = 0.5
    options.images.limit = 3
    options.validation = .fraction(0.25)
    #expect(options.kind == .images(options.images))
    #expect(try roundTrip(options) == options)
    for kind: DataOptions in [
      .table(TableSettings(target: "y")), .series(SeriesSettings(target: "y", window: 4)),
      .textColumn(TextColumnSettings(target: "y", column: "x")), .text(TextOptions(sequenceLength: 7)),
      .graph(GraphOptions()),
    ] {
      options.kind = kind
      #expect(try roundTrip(options).kind == kind)
    }
  }

  @Test func impossibleOptionsAreRefused() {
    func options(_ kind: DataOptions) -> TrainingOptions {
      var options = TrainingOptions(epochs: 1, optimizer: OptimizerConfiguration(.sgd, learningRate: 0.1))
      options.kind = kind
      return options
    }
    var mixed = ImageOptions()
    (mixed.mixup, mixed.cutMix) = (0.1, 0.1)
    var large = ImageOptions()
    large.imageSize = 100_000
    for kind: DataOptions in [
      .images(mixed), .images(large), .text(TextOptions(sequenceLength: 0)),
      .series(SeriesSettings(target: "y", window: 0)),
      .table(
        {
          var settings = TableSettings(target: "y")
          settings.polynomialDegree = 0
          return settings
        }()),
    ] {
      #expect(throws: (any Error).self) { try options(kind).validate() }
    }
  }
}

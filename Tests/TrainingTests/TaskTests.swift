import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on data that are not images, from their files to their checkpoints.
@Suite struct TaskTests {
  /// A folder that is removed when the test lets go of it.
  private final class Workplace {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-tasks-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
      try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
      return path + "/" + name
    }
  }

  private let place: Workplace

  init() throws { place = try Workplace() }

  private func options(_ data: String, epochs: Int, learningRate: Double = 1e-2) -> TrainingOptions {
    // The number of threads belongs to the process, and other tests count on it.
    TrainingOptions(
      data: data, epochs: epochs, optimizer: OptimizerConfiguration(.adam, learningRate: learningRate),
      schedule: .constant, workers: 1)
  }

  private func train(_ name: String, _ options: TrainingOptions, run: String = "run") throws -> RunSummary {
    let report = try NetworkTraining.start(
      options, from: .scratch(try Registry.zoo.architecture(named: name)), registry: .zoo, at: place.path + "/" + run
    ) { _ in }
    return try #require(report.summary)
  }

  // MARK: Tables

  /// 200 flowers whose kind the colour and one length tell, with some values missing.
  private func flowers() -> String {
    var random = RandomStream(seed: 3, purpose: "flowers")
    var text = "length,width,colour,kind\n"
    for row in 0..<200 {
      let isRose = row % 2 == 0
      let length = Double(random.uniform()) + (isRose ? 3 : 1)
      let width = row % 17 == 5 ? "" : "\(Double(random.uniform()))"
      text += "\(length),\(width),\(isRose ? "red" : row % 3 == 0 ? "blue" : "white"),\(isRose ? "rose" : "iris")\n"
    }
    return text
  }

  @Test func aTableOfClassesIsLearned() throws {
    let data = try place.write(flowers(), to: "flowers.csv")
    var options = options(data, epochs: 12)
    options.kind = .table(TableSettings(target: "kind"))
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "[8]"), ConfigurationChange(name: "dropout", value: "[0]"),
    ]
    let summary = try train("mlp", options)
    #expect(summary.classes == ["iris", "rose"] && summary.testAccuracy == 1)
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    guard case .table(let preprocessing)? = try best.inputPreparation() else {
      Issue.record("the checkpoint does not know the table")
      return
    }
    #expect(preprocessing.featureNames.count == preprocessing.featureCount)
    let model = try #require(try Registry.zoo.classifier(from: best, path: "best.h5").model as? MLP)
    let predictor = ExamplePredictor(model, preprocessing)
    let rows = try Table(
      csv: Array("colour,length,width\nred,3.4,0.1\nwhite,1.5,\ngreen,1.2,0.5\n".utf8), path: "new.csv",
      kinds: ["colour": .categorical])
    let features = try preprocessing.features(of: rows)
    #expect(features.unknown.map(\.value) == ["green"])
    let probabilities = predictor.probabilities(features)
    #expect(probabilities.map { $0[1] > 0.5 } == [true, false, false])
    let metrics = predictor.classification(
      try preprocessing.examples(of: Table(csv: data, for: preprocessing)), decision: best.metadata.decision)
    #expect(metrics.count == 200 && metrics.accuracy ?? 0 > 0.99)
  }

  @Test func aNumberIsEstimated() throws {
    var text = "a,b,y\n"
    for row in 0..<150 {
      let (a, b) = (Double(row % 13), Double(row % 7))
      text += "\(a),\(b),\(100 + 20 * a - 10 * b)\n"
    }
    let data = try place.write(text, to: "numbers.csv")
    var options = options(data, epochs: 60)
    var settings = TableSettings(target: "y")
    settings.standardisesTarget = true
    options.kind = .table(settings)
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "[16]"), ConfigurationChange(name: "dropout", value: "[0]"),
    ]
    let summary = try train("mlp", options)
    #expect(summary.classes.isEmpty && summary.testAccuracy == nil)
    #expect(try #require(summary.testLoss) < 0.05, "of a standardised target, whose variance is 1")
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    guard case .table(let preprocessing)? = try best.inputPreparation(),
      let model = try Registry.zoo.classifier(from: best, path: "best.h5").model as? MLP
    else {
      Issue.record("the checkpoint does not know the table")
      return
    }
    let part = try preprocessing.examples(of: Table(csv: data, for: preprocessing))
    let metrics = ExamplePredictor(model, preprocessing).regression(part)
    #expect(try #require(metrics.r2) > 0.95)
    #expect(try #require(metrics.rootMeanSquaredError) < 20, "in the table's own units")
    #expect(try #require(metrics.meanAbsoluteError) <= #require(metrics.rootMeanSquaredError))
  }

  /// A network that has learned from features goes on with these, whatever the new rows would suggest.
  @Test func fineTuningKeepsTheColumnsAsTheNetworkKnowsThem() throws {
    let data = try place.write(flowers(), to: "flowers.csv")
    var options = options(data, epochs: 1)
    options.kind = .table(TableSettings(target: "kind"))
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "[8]"), ConfigurationChange(name: "dropout", value: "[0]"),
    ]
    _ = try train("mlp", options)
    let path = place.path + "/run/best.h5"
    let first = try Checkpoint.read(from: path)
    guard case .table(let known)? = try first.inputPreparation() else {
      Issue.record("the checkpoint does not know the table")
      return
    }
    // Other lengths, one colour only, and another target.
    var text = "length,width,colour,size\n"
    for row in 0..<90 { text += "\(50 + row % 7),1.\(row % 9),red,\(["s", "m", "l"][row % 3])\n" }
    options.data = try place.write(text, to: "other.csv")
    options.kind = .table(TableSettings(target: "size"))
    options.configuration = []
    func start(_ options: TrainingOptions, at run: String) throws -> RunSummary? {
      try NetworkTraining.start(
        options, from: .checkpoint(first, path: path), registry: .zoo, at: place.path + "/" + run
      ) { _ in }
      .summary
    }
    #expect(try start(options, at: "more")?.classes == ["l", "m", "s"])
    guard
      case .table(let kept)? = try Checkpoint.read(from: place.path + "/more/best.h5").inputPreparation()
    else {
      Issue.record("the new checkpoint does not know the table")
      return
    }
    #expect(kept.numeric == known.numeric && kept.categorical == known.categorical)
    #expect(kept.shift == known.shift && kept.scale == known.scale && kept.target.name == "size")
    #expect(try NetworkTraining.resume(at: place.path + "/more", registry: .zoo) { _ in }.summary != nil)
    var scaled = TableSettings(target: "size")
    scaled.scaling = .minMax
    options.kind = .table(scaled)
    #expect(throws: TrainingFault.keptPreparation(path: path)) { try start(options, at: "not") }
    options.kind = .table(TableSettings(target: "length"))
    #expect(throws: TableFault.self) { try start(options, at: "not") }
  }

  /// A head that was trained for the same classes of the same column goes on; one for others is replaced, and that is said.
  @Test func aHeadForTheSameClassesIsKept() throws {
    var options = options(try place.write(flowers(), to: "flowers.csv"), epochs: 1)
    options.kind = .table(TableSettings(target: "kind"))
    options.configuration = [ConfigurationChange(name: "hidden", value: "[4]")]
    _ = try train("mlp", options)
    let path = place.path + "/run/best.h5"
    let first = try Checkpoint.read(from: path)
    let heads = first.paths.filter { $0.hasPrefix("fc2.") }
    #expect(heads.count == 2, "\(first.paths)")
    options.configuration = []
    options.freeze = ["head"]
    func tune(_ run: String) throws -> (isKept: Bool, reported: [String]) {
      var reported: [String] = []
      _ = try NetworkTraining.start(
        options, from: .checkpoint(first, path: path), registry: .zoo, at: place.path + "/" + run
      ) { reported.append($0) }
      let tuned = try Checkpoint.read(from: place.path + "/\(run)/best.h5")
      return (heads.allSatisfy { tuned[$0]?.floats() == first[$0]?.floats() }, reported)
    }
    let kept = try tune("kept")
    #expect(kept.isKept && kept.reported.contains { $0.hasPrefix("\(path) predicts these classes already") })
    #expect(!kept.reported.contains { $0.contains("new head") && $0.contains("random") }, "\(kept.reported)")
    options.replacesHead = true
    let asked = try tune("asked")
    #expect(!asked.isKept && asked.reported.contains { $0.contains("the new head fc2 is frozen") }, "\(asked.reported)")
    options.replacesHead = false
    options.kind = .table(TableSettings(target: "colour"))
    #expect(throws: TableFault.self) { try tune("not") }
    // The same words of another column.
    options.kind = .table(TableSettings(target: "sort"))
    options.data = try place.write(flowers().replacing("colour,kind", with: "colour,sort"), to: "sorts.csv")
    let other = try tune("other")
    #expect(other.reported.contains("the head fc2 is new: \(path) predicts kind, not sort"), "\(other.reported)")
  }

  @Test func whatDividesNothingIsSaid() throws {
    var options = options(
      try place.write("a,b\n" + (0..<40).map { "\($0),\($0 * 3 % 7).5\n" }.joined(), to: "numbers.csv"), epochs: 1)
    options.kind = .table(TableSettings(target: "b"))
    options.configuration = [ConfigurationChange(name: "hidden", value: "[4]")]
    for (isStratified, option) in [(true, "--stratify"), (false, "--no-stratify")] {
      options.parts.isStratified = isStratified
      var reported: [String] = []
      _ = try NetworkTraining.start(
        options, from: .scratch(try Registry.zoo.architecture(named: "mlp")), registry: .zoo,
        at: place.path + "/run\(option)"
      ) { reported.append($0) }
      #expect(reported.contains { $0.hasPrefix("\(option) changes nothing: ") }, "\(reported)")
    }
    options.parts.isStratified = true
    options.parts.isInOrder = true
    #expect(throws: TrainingFault.noParts(option: "--stratify", path: options.data)) { try train("mlp", options) }
  }

  @Test func aTopKOfAllClassesIsRefused() throws {
    var options = options(try place.write(flowers(), to: "flowers.csv"), epochs: 1)
    options.kind = .table(TableSettings(target: "kind"))
    options.classes.topK = 2
    let fault = #expect(throws: TrainingFault.self) { try train("mlp", options) }
    #expect(fault?.description.contains("--top-k 2 is not possible; it must be below 2") == true, "\(fault as Any)")
  }

  @Test func aTableNeedsATargetAndANetworkForTables() throws {
    let data = try place.write(flowers(), to: "flowers.csv")
    #expect(throws: TrainingFault.noTarget(path: data)) { try train("mlp", options(data, epochs: 1)) }
    var unsuited = options(data, epochs: 1)
    unsuited.kind = .table(TableSettings(target: "kind"))
    #expect(throws: ArchitectureFault.unsuited(architecture: "resnet-toy", kinds: [.images], data: .tables)) {
      try train("resnet-toy", unsuited)
    }
    unsuited.configuration = [ConfigurationChange(name: "width", value: "3")]
    let fault = #expect(throws: ArchitectureFault.self) { try train("mlp", unsuited) }
    #expect(fault?.description.contains("no setting 'width'") == true)
    #expect(!FileManager.default.fileExists(atPath: place.path + "/run"))
  }

  // MARK: Time series

  private func series(_ rows: Int = 240) throws -> String {
    var text = "day,level,wind\n"
    for row in 0..<rows { text += "d\(row),\(100 + 40 * sin(Double(row) / 4)),\(row % 5)\n" }
    return try place.write(text, to: "levels.csv")
  }

  /// A wave, whose next value the last ones tell; a mean would be off by 28.
  @Test(arguments: [("sequence-gru", "12"), ("sequence-lstm", "12"), ("mlp", "[12]")])
  func aSeriesIsLearned(name: String, hidden: String) throws {
    let data = try series()
    var options = options(data, epochs: 30)
    options.kind = .series(SeriesSettings(target: "level", window: 8))
    options.configuration = [ConfigurationChange(name: "hidden", value: hidden)]
    if name == "mlp" { options.configuration.append(ConfigurationChange(name: "dropout", value: "[]")) }
    let summary = try train(name, options)
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
    var options = options(data, epochs: 2)
    options.kind = .series(SeriesSettings(target: "level", window: 6))
    options.configuration = [ConfigurationChange(name: "hidden", value: "4")]
    let summary = try train("sequence-gru", options)
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

  // MARK: Texts in tables

  /// Words of two kinds, which their letters tell.
  private func words() throws -> String {
    var random = RandomStream(seed: 4, purpose: "words")
    var text = "word,kind\n"
    for row in 0..<160 {
      let letters = Array(row % 2 == 0 ? "abcde" : "cdefg")
      text += String((0..<4 + random.integer(below: 9)).map { _ in letters[random.integer(below: 5)] })
      text += row % 2 == 0 ? ",low\n" : ",high\n"
    }
    return try place.write(text, to: "words.csv")
  }

  @Test func textsInATableAreSorted() throws {
    let data = try words()
    var options = options(data, epochs: 10)
    options.kind = .textColumn(TextColumnSettings(target: "kind", column: "word"))
    options.configuration = [ConfigurationChange(name: "hidden", value: "12")]
    let summary = try train("sequence-gru", options)
    #expect(summary.classes == ["high", "low"] && summary.items == "texts")
    #expect(try #require(summary.testAccuracy) > 0.9)
    let again = try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary)
    #expect(again.testLoss == summary.testLoss)
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    guard case .textColumn(let preprocessing)? = try best.inputPreparation(),
      let model = try Registry.zoo.model(from: best, path: "best.h5").model as? SequenceClassifier
    else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    #expect(preprocessing.symbols == 8 && model.configuration.symbols == 8 && model.configuration.inputs == 32)
    let predictor = ExamplePredictor(model, preprocessing)
    let table = try preprocessing.table(csv: data)
    let metrics = try predictor.classification(preprocessing.examples(of: table), decision: best.metadata.decision)
    #expect(try #require(metrics.accuracy) > 0.9)
    // A text's answer does not depend on the others that it is filled up for, nor on characters nobody knows.
    let texts = try preprocessing.texts(of: table)
    let alone = try preprocessing.texts(of: table, rows: [3])
    for (a, b) in zip(predictor.probabilities(texts)[3], predictor.probabilities(alone)[0]) {
      #expect(abs(a - b) < 1e-5)
    }
    let strange = try Table(csv: Array("word\n???\n".utf8), path: "new.csv", kinds: ["word": .categorical])
    #expect(predictor.probabilities(try preprocessing.texts(of: strange)).count == 1)

    // Other classes, the same characters.
    let path = place.path + "/run/best.h5"
    options.data = try place.write("word,kind\n" + (0..<40).map { "xa\($0),\($0 % 3)\n" }.joined(), to: "more.csv")
    options.configuration = []
    options.epochs = 1
    _ = try NetworkTraining.start(
      options, from: .checkpoint(best, path: path), registry: .zoo, at: place.path + "/more"
    ) { _ in }
    let more = try Checkpoint.read(from: place.path + "/more/best.h5")
    guard case .textColumn(let kept)? = try more.inputPreparation() else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    #expect(kept.vocabulary == preprocessing.vocabulary && more.metadata.classes == ["0", "1", "2"])
    #expect(throws: ArchitectureFault.unsuited(architecture: "mlp", kinds: [.images, .tables], data: .text)) {
      try train("mlp", options, run: "other")
    }
  }

  // MARK: Text

  @Test func aTextIsLearnedAndWrittenOn() throws {
    let data = try place.write(String(repeating: "the cat sat on the mat. ", count: 120), to: "cats.txt")
    var options = options(data, epochs: 6, learningRate: 1e-2)
    options.batchSize = 8
    options.kind = .text(TextOptions(sequenceLength: 24))
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "32"), ConfigurationChange(name: "embedding", value: "8"),
    ]
    let summary = try train("char-gru", options)
    #expect(summary.classes == [" ", ".", "a", "c", "e", "h", "m", "n", "o", "s", "t"])
    #expect(summary.testAccuracy == nil)
    #expect(try #require(summary.testLoss) < 0.35, "nats a character; 2.4 before")
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    #expect(try best.inputPreparation() == .text)
    let model = try #require(try Registry.zoo.model(from: best, path: "best.h5").model as? CharacterModel)
    let written = try model.sample(
      prompt: "the cat sat on the mat. the c", vocabulary: try best.vocabulary(path: "best.h5"), length: 10,
      sampling: Sampling(temperature: 0), stream: RandomStream(seed: 1, purpose: "test"))
    #expect(written == "at sat on ")
    // A finished run that is resumed comes to the same end.
    let again = try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary)
    #expect(again.testLoss == summary.testLoss)
  }

  @Test func aRunIsNotGoneOnWithOnOtherData() throws {
    let data = try place.write(String(repeating: "abcab", count: 200), to: "a.txt")
    var options = options(data, epochs: 1)
    (options.batchSize, options.kind) = (4, .text(TextOptions(sequenceLength: 10)))
    _ = try train("char-toy", options)
    _ = try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }
    // The same characters, as many of them.
    _ = try place.write(String(repeating: "bacab", count: 200), to: "a.txt")
    #expect(throws: TrainingFault.unusableState(reason: "\(data) holds other data than it was trained on so far")) {
      try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }
    }
  }

  @Test func aTextIsGoneOnWithFromACheckpoint() throws {
    let data = try place.write(String(repeating: "abcab", count: 200), to: "a.txt")
    var options = options(data, epochs: 1)
    (options.batchSize, options.kind) = (4, .text(TextOptions(sequenceLength: 10)))
    _ = try train("char-toy", options)
    let path = place.path + "/run/best.h5"
    let report = try NetworkTraining.start(
      options, from: .checkpoint(try Checkpoint.read(from: path), path: path), registry: .zoo, at: place.path + "/more"
    ) { _ in }
    let first = try #require(report.summary)
    #expect(first.classes == ["a", "b", "c"])
    var other = options
    other.data = try place.write(String(repeating: "abcxy", count: 200), to: "b.txt")
    let fault = #expect(throws: TextFault.self) {
      try NetworkTraining.start(
        other, from: .checkpoint(try Checkpoint.read(from: path), path: path), registry: .zoo, at: place.path + "/other"
      ) { _ in }
    }
    #expect(fault?.description.contains("'x'") == true)
  }

  @Test func aShortTextIsRefused() throws {
    let data = try place.write("too short", to: "short.txt")
    #expect(throws: TextFault.self) { try train("char-toy", options(data, epochs: 1)) }
  }

  // MARK: Graphs

  @Test func theNodesOfAGraphAreLearned() throws {
    let graph = place.path + "/graph"
    try FileManager.default.createDirectory(atPath: graph, withIntermediateDirectories: true)
    _ = try place.write(
      (0..<60).map { "\($0) \($0 / 30 * 30 + ($0 + 1) % 30)\n" }.joined(), to: "graph/edges.txt")
    _ = try place.write((0..<60).map { $0 % 3 == 2 ? "2\n" : "\($0 / 30)\n" }.joined(), to: "graph/features.txt")
    _ = try place.write((0..<60).map { "\($0 / 30)\n" }.joined(), to: "graph/labels.txt")
    let summary = try train("gcn", options(graph, epochs: 40))
    #expect(summary.classes == ["0", "1"])
    #expect(try #require(summary.testAccuracy) > 0.9)
    let best = try Checkpoint.read(from: place.path + "/run/best.h5")
    #expect(try best.inputPreparation() == .graph(.init(normalizesFeatures: true, splitSeed: 0)))
    #expect(
      try #require(try NetworkTraining.resume(at: place.path + "/run", registry: .zoo) { _ in }.summary).testAccuracy
        == summary.testAccuracy)
    #expect(throws: ArchitectureFault.unsuited(architecture: "char-toy", kinds: [.text], data: .graphs)) {
      try train("char-toy", options(graph, epochs: 1), run: "other")
    }
  }

  // MARK: What lies there

  @Test func dataAreRecognisedByTheirNames() throws {
    let csv = try place.write("a,b\n", to: "t.csv")
    #expect(try DataSource.kind(of: csv) == .tables)
    #expect(try DataSource.kind(of: try place.write("x", to: "t.txt")) == .text)
    #expect(try DataSource.kind(of: try place.write("x", to: "t.npz")) == .graphs)
    #expect(try DataSource.kind(of: place.path) == .images)
    _ = try place.write("x", to: "ind.toy.graph")
    #expect(try DataSource.kind(of: place.path + "/ind.toy") == .graphs)
    _ = try place.write("0 1", to: "edges.txt")
    #expect(try DataSource.kind(of: place.path) == .graphs)
    #expect(throws: TrainingFault.noData(path: "/nowhere")) { try DataSource.kind(of: "/nowhere") }
  }
}

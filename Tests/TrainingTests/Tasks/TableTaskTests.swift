import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on tables, from their files to their checkpoints.
@Suite struct TableTaskTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

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

  /// Learns their kinds by a small network.
  private func kinds(epochs: Int) throws -> TrainingOptions {
    var options = place.options(try place.write(flowers(), to: "flowers.csv"), epochs: epochs)
    options.kind = .table(TableSettings(target: "kind"))
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "[8]"), ConfigurationChange(name: "dropout", value: "[0]"),
    ]
    return options
  }

  @Test func aTableOfClassesIsLearned() throws {
    let options = try kinds(epochs: 12)
    let summary = try place.train("mlp", options)
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
      try preprocessing.examples(of: Table(csv: options.data, for: preprocessing)), decision: best.metadata.decision)
    #expect(metrics.count == 200 && metrics.accuracy ?? 0 > 0.99)
  }

  @Test func aNumberIsEstimated() throws {
    var text = "a,b,y\n"
    for row in 0..<150 {
      let (a, b) = (Double(row % 13), Double(row % 7))
      text += "\(a),\(b),\(100 + 20 * a - 10 * b)\n"
    }
    let data = try place.write(text, to: "numbers.csv")
    var options = place.options(data, epochs: 60)
    var settings = TableSettings(target: "y")
    settings.standardisesTarget = true
    options.kind = .table(settings)
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "[16]"), ConfigurationChange(name: "dropout", value: "[0]"),
    ]
    let summary = try place.train("mlp", options)
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
    var options = try kinds(epochs: 1)
    _ = try place.train("mlp", options)
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
    var options = place.options(try place.write(flowers(), to: "flowers.csv"), epochs: 1)
    options.kind = .table(TableSettings(target: "kind"))
    options.configuration = [ConfigurationChange(name: "hidden", value: "[4]")]
    _ = try place.train("mlp", options)
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
    var options = place.options(
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
    #expect(throws: TrainingFault.noParts(option: "--stratify", path: options.data)) { try place.train("mlp", options) }
  }

  @Test func aTopKOfAllClassesIsRefused() throws {
    var options = place.options(try place.write(flowers(), to: "flowers.csv"), epochs: 1)
    options.kind = .table(TableSettings(target: "kind"))
    options.classes.topK = 2
    let fault = #expect(throws: TrainingFault.self) { try place.train("mlp", options) }
    #expect(fault?.description.contains("--top-k 2 is not possible; it must be below 2") == true, "\(fault as Any)")
  }

  @Test func aTableNeedsATargetAndANetworkForTables() throws {
    let data = try place.write(flowers(), to: "flowers.csv")
    #expect(throws: TrainingFault.noTarget(path: data)) { try place.train("mlp", place.options(data, epochs: 1)) }
    var unsuited = place.options(data, epochs: 1)
    unsuited.kind = .table(TableSettings(target: "kind"))
    #expect(throws: ArchitectureFault.unsuited(architecture: "resnet-toy", kinds: [.images], data: .tables)) {
      try place.train("resnet-toy", unsuited)
    }
    unsuited.configuration = [ConfigurationChange(name: "width", value: "3")]
    let fault = #expect(throws: ArchitectureFault.self) { try place.train("mlp", unsuited) }
    #expect(fault?.description.contains("no setting 'width'") == true)
    #expect(!FileManager.default.fileExists(atPath: place.path + "/run"))
  }
}

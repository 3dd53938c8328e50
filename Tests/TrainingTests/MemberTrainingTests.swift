import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Cross-validation and bagging, from data to the files of all runs.
@Suite struct MemberTrainingTests {
  private final class Workplace {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-folds-\(UUID().uuidString)").path
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let place: Workplace

  init() throws { place = try Workplace() }

  private func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: place.path + "/" + name))
    return place.path + "/" + name
  }

  /// 48 rows of 12 animals; the class follows from a, the number from a and b.
  private func table(_ name: String = "table.csv") throws -> String {
    let rows = (0..<48).map {
      "\($0 % 8),\($0 % 3),animal \($0 / 4),\(2 * ($0 % 8) - $0 % 3),\($0 % 8 > 3 ? "big" : "small")"
    }
    return try write("a,b,animal,y,size\n" + rows.joined(separator: "\n") + "\n", to: name)
  }

  private func options(_ data: String, _ kind: DataOptions?, epochs: Int = 2) -> TrainingOptions {
    var options = TrainingOptions(
      data: data, epochs: epochs, optimizer: OptimizerConfiguration(.adam, learningRate: 0.02), schedule: .constant,
      workers: 1)
    options.kind = kind
    options.configuration = [.init(name: "hidden", value: "[6]"), .init(name: "dropout", value: "[0]")]
    options.seed = 3
    return options
  }

  private func start(
    _ name: String, _ options: TrainingOptions, hooks: (String) -> TrainingHooks = { _ in TrainingHooks() },
    report: @escaping (String) -> Void = { _ in }
  ) throws -> MemberSummary? {
    var options = options
    options.architecture = name
    return try MemberTraining.start(
      options, from: .scratch(try Registry.zoo.architecture(named: name)), registry: .zoo, at: place.path + "/run",
      hooks: hooks, report: report
    ).summary
  }

  private func sizes(_ change: (inout TrainingOptions) -> Void = { _ in }) throws -> TrainingOptions {
    var settings = TableSettings(target: "size")
    settings.excluded = ["y"]
    var options = options(try table(), .table(settings))
    options.members = .folds(4)
    change(&options)
    return options
  }

  private func predictions(_ name: String = "out-of-fold.csv") throws -> PredictionTable {
    try PredictionTable(reading: place.path + "/run/" + name)
  }

  /// What is learned are standardised Floats; the file has the data's own digits.
  @Test(arguments: [152_300, 0.1, -7.25, 20_240_131, 3.14159, 0, 1e-7, 99.99] as [Double])
  func numbersHaveTheDigitsOfTheData(number: Double) {
    for (mean, deviation) in [(0.0, 1.0), (150_000.3, 71.7), (12.345678, 3.3), (20_240_000.7, 1e5)] {
      let learned = Float((number - mean) / deviation)
      let half = Double(learned.ulp) * deviation / 2
      let text = PredictionTable.text(of: learned) { Double($0) * deviation + mean }
      let found = Double(text) ?? .nan
      #expect(abs(found - number) <= 2 * half, "\(mean) ± \(deviation)")
      // Where no other number of as few digits is as near.
      if half < 1e-9 || (abs(number) >= 1 && half < 1e-3) { #expect(text == "\(number)", "\(mean) ± \(deviation)") }
    }
  }

  @Test func everyRowIsPredictedByAFoldThatDidNotLearnIt() throws {
    let summary = try #require(try start("mlp", sizes { $0.parts.grouping = .column("animal") }))
    let found = try predictions()
    #expect(found.classes == ["big", "small"])
    #expect(found.rows.map(\.item).compactMap(Int.init).sorted() == Array(2..<50), "as a spreadsheet counts them")
    for row in found.rows {
      let number = try #require(Int(row.item)) - 2
      #expect(row.truth == (number % 8 > 3 ? "big" : "small"))
      #expect(abs(row.probabilities.reduce(0, +) - 1) < 1e-5)
      #expect(row.predicted == found.classes[row.probabilities[0] >= row.probabilities[1] ? 0 : 1])
    }
    // All rows of an animal are in one fold.
    for rows in Dictionary(grouping: found.rows, by: { ((Int($0.item) ?? 0) - 2) / 4 }).values {
      #expect(Set(rows.map(\.run)).count == 1)
    }
    #expect(summary.division == "stratified-grouped" && summary.folds == 4 && summary.runs.count == 4)
    let accuracy = try #require(summary.scores["accuracy"])
    #expect(accuracy.values == summary.runs.compactMap(\.accuracy) && accuracy.values.count == 4)
    let right = found.rows.count { $0.truth == $0.predicted }
    #expect(summary.pooled?.accuracy == Double(right) / 48 && summary.pooled?.items == 48)
    // What a run says of itself is what its predictions say.
    for run in 1...4 {
      let own = found.rows.filter { $0.run == run }
      let share = Double(own.count { $0.truth == $0.predicted }) / Double(own.count)
      #expect(abs(share - accuracy.values[run - 1]) < 1e-12)
    }
    // The group is not learned from, and evaluate finds the fold again.
    let best = try Checkpoint.read(from: place.path + "/run/fold-2/best.h5")
    guard case .table(let preprocessing)? = try best.inputPreparation() else { return #expect(Bool(false)) }
    #expect(preprocessing.columnNames == ["a", "b"])
    let split = try #require(best.metadata.split)
    let tested = try #require(
      try EvaluatedTable(
        .test, of: Table(csv: place.path + "/table.csv", for: preprocessing), preprocessing, split,
        fingerprint: best.metadata.extra[DataFingerprint.key]))
    #expect(tested.examples.inputs.rows.map { "\($0 + 2)" } == found.rows.filter { $0.run == 2 }.map(\.item))
  }

  @Test func aKilledFoldGoesOnAndEndsAsOneThatWasNot() throws {
    let options = try sizes { $0.members = .folds(3, repetitions: 2) }
    let whole = try #require(try start("mlp", options))
    #expect(whole.runs.map(\.fold) == [1, 2, 3, 1, 2, 3] && whole.runs.map(\.repetition) == [1, 1, 1, 2, 2, 2])
    let expected = try predictions()
    // Two predictions of each of 48 rows: the rows are as many as they are.
    let pooled = try #require(whole.pooled)
    let right = Double(expected.rows.count { $0.truth == $0.predicted })
    #expect(pooled.items == 48 && pooled.predictions == 96 && pooled.accuracy == right / 96)
    let interval = try #require(ScoreInterval.wilson(share: right / 96, of: 48))
    #expect(pooled.accuracyInterval == [interval.lower, interval.upper])
    try FileManager.default.removeItem(atPath: place.path + "/run")
    var steps = 0
    func hooks(_ folder: String) -> TrainingHooks {
      var hooks = TrainingHooks()
      hooks.isInterrupted = {
        steps += 1
        return steps == 10
      }
      return hooks
    }
    #expect(try start("mlp", options, hooks: hooks) == nil)
    #expect(MemberTraining.isPresent(at: place.path + "/run"))
    // Begun anew it would lose what is there.
    #expect(throws: RunFault.self) { try start("mlp", options) }
    let resumed = try #require(
      try MemberTraining.resume(at: place.path + "/run", registry: .zoo, report: { _ in }).summary)
    #expect(resumed.scores == whole.scores && resumed.pooled == whole.pooled)
    #expect(try predictions() == expected)
    #expect(expected.rows.count == 96 && Set(expected.rows.filter { ($0.run ?? 0) > 3 }.map(\.item)).count == 48)
    // Finished runs are not begun again.
    var lines: [String] = []
    _ = try MemberTraining.resume(at: place.path + "/run", registry: .zoo, report: { lines.append($0) })
    #expect(lines.isEmpty, "\(lines)")
  }

  @Test func laterRowsAreNeverLearnedFrom() throws {
    let summary = try #require(
      try start(
        "mlp",
        sizes {
          $0.parts.isInOrder = true
          $0.members = .folds(3)
        }))
    #expect(summary.division == "time-series")
    let rows = try predictions().rows
    #expect(rows.map(\.item) == (12..<48).map { "\($0 + 2)" })
    #expect(rows.map { $0.run ?? 0 } == (0..<36).map { $0 / 12 + 1 })
  }

  @Test func aSeriesIsDividedInItsOrder() throws {
    var settings = SeriesSettings(target: "y", window: 3)
    settings.horizon = 2
    settings.steps = 2
    var options = options(try table(), .series(settings))
    options.configuration = [.init(name: "hidden", value: "4")]
    options.members = .folds(2)
    let summary = try #require(try start("sequence-gru", options))
    #expect(summary.division == "time-series" && summary.scores["rmse"]?.values.count == 2)
    let rows = try predictions().rows
    #expect(rows.first?.item == "18/1" && rows[1].item == "18/2", "the first target is row 18 of the file")
    #expect(rows.allSatisfy { Double($0.predicted) != nil && $0.probabilities.isEmpty })
    let truth = try #require(rows.first).truth
    #expect(try abs(#require(Double(truth)) - Double(2 * (16 % 8) - 16 % 3)) < 1e-4)
    options.members = .bootstrap(2)
    #expect(throws: TrainingFault.noParts(option: "--bootstrap", path: options.data)) {
      try start("sequence-gru", options)
    }
  }

  @Test func aBagIsScoredOnWhatItsSamplesLeftOut() throws {
    var lines: [String] = []
    let options = try sizes { $0.members = .bootstrap(3) }
    let summary = try #require(try start("mlp", options, report: { lines.append($0) }))
    #expect(summary.division == "bootstrap" && summary.members == 3 && summary.folds == nil)
    #expect(summary.runs.map(\.folder) == ["member-1", "member-2", "member-3"])
    let bags = try (1...3).map { try PredictionTable(reading: place.path + "/run/member-\($0)/predictions.csv") }
    let all = try predictions("out-of-bag.csv")
    for row in all.rows {
      let own = bags.flatMap(\.rows).filter { $0.item == row.item }
      #expect(row.run == own.count && own.count > 0)
      let mean = own.reduce(0) { $0 + Double($1.probabilities[0]) } / Double(own.count)
      #expect(abs(Double(row.probabilities[0]) - mean) < 1e-6)
    }
    #expect(Set(all.rows.map(\.item)).count == all.rows.count && summary.pooled?.items == all.rows.count)
    // All members hold out the same rows, and begin with other weights.
    let splits = try (1...3).map {
      try #require(try Checkpoint.read(from: place.path + "/run/member-\($0)/best.h5").metadata.split)
    }
    #expect(splits.map(\.plan.sample) == [0, 1, 2] && Set(splits.map(\.seed)).count == 1)
    #expect(!lines.isEmpty)
  }

  @Test func tokensAndGraphsAreDividedToo() throws {
    let words = (0..<24).map { $0 % 2 == 0 ? "the DET\ncat NOUN\n" : "a DET\ndog NOUN\nruns VERB\n" }
    var options = options(try write(words.joined(separator: "\n"), to: "words.conll"), .tags(TaggingSettings()))
    options.configuration = [.init(name: "hidden", value: "4"), .init(name: "embedding", value: "4")]
    options.members = .folds(3)
    let summary = try #require(try start("sequence-tagger-gru", options))
    #expect(summary.division == "k-fold")
    let rows = try predictions().rows
    #expect(rows.count == 60 && Set(rows.map(\.item)).count == 60)
    #expect(rows.contains { $0.item.hasSuffix("/3") && $0.truth == "VERB" })
  }

  @Test func whatHasNoExamplesIsRefused() throws {
    let text = try write(String(repeating: "to be or not to be ", count: 200), to: "text.txt")
    var options = options(text, .text(TextOptions(sequenceLength: 8)))
    options.members = .folds(3)
    #expect(throws: TrainingFault.noParts(option: "--folds", path: text)) { try start("char-lstm", options) }
    options.members = nil
    options.parts.grouping = .column("a")
    #expect(throws: TrainingFault.noParts(option: "--group", path: text)) {
      try NetworkTraining.start(
        options, from: .scratch(try Registry.zoo.architecture(named: "char-lstm")), registry: .zoo,
        at: place.path + "/run", report: { _ in })
    }
    #expect(!FileManager.default.fileExists(atPath: place.path + "/run"))
    var folds = try sizes()
    folds.parts.grouping = .column("b")
    #expect(throws: (any Error).self) { try start("mlp", folds) }
    let fault = #expect(throws: TableFault.self) {
      try start(
        "mlp",
        sizes {
          $0.parts.grouping = .column("zoo")
          $0.members = .folds(2)
        })
    }
    #expect("\(try #require(fault))".contains("zoo"))
  }

  @Test func otherFilesAreValidatedAndTested() throws {
    var options = try sizes { $0.members = nil }
    let (validation, test) = (
      try table("valid.csv"), try write("a,b,animal,y,size\n1,2,x,0,small\n7,1,y,1,big\n", to: "test.csv")
    )
    options.validation = .folder(validation)
    options.parts.test = .folder(test)
    let run = place.path + "/run"
    let summary = try #require(
      try NetworkTraining.start(
        options, from: .scratch(try Registry.zoo.architecture(named: "mlp")), registry: .zoo, at: run, report: { _ in }
      ).summary)
    #expect(summary.testAccuracy != nil && summary.bestAccuracy != nil)
    let best = try Checkpoint.read(from: run + "/best.h5")
    let split = try #require(best.metadata.split)
    #expect(split.validation == 0 && split.test == 0 && !split.holdsOutTest)
    guard case .table(let preprocessing)? = try best.inputPreparation() else { return #expect(Bool(false)) }
    let table = try Table(csv: options.data, for: preprocessing)
    let trained = try EvaluatedTable(
      .train, of: table, preprocessing, split, fingerprint: best.metadata.extra[DataFingerprint.key])
    #expect(trained?.examples.count == 48 && trained?.total == 48)
    // A run goes on only with the same files.
    try Data("a,b,animal,y,size\n1,2,x,0,big\n7,1,y,1,big\n".utf8).write(to: URL(filePath: test))
    #expect(throws: TrainingFault.self) {
      try NetworkTraining.resume(
        at: run, registry: .zoo, changes: ResumeChanges(epochs: 3), report: { _ in })
    }
  }

  @Test func photographsOfOneAnimalStayTogether() throws {
    let photographs = try Photographs()
    // Two photographs of each animal of a class.
    for label in ["cat", "dog"] {
      let folder = photographs.data + "/train/" + label
      for (number, name) in try FileManager.default.contentsOfDirectory(atPath: folder).sorted().enumerated() {
        try FileManager.default.moveItem(
          atPath: folder + "/" + name, toPath: "\(folder)/\(label)\(number / 2)_\(number % 2).jpg")
      }
    }
    var options = Photographs.options(photographs.data, epochs: 1)
    options.parts.grouping = .pattern("^(.*)_")
    options.members = .folds(2)
    let summary = try #require(
      try MemberTraining.start(
        options, from: .scratch(try Registry.zoo.architecture(named: "resnet-toy")), registry: .zoo,
        at: place.path + "/run", report: { _ in }
      ).summary)
    #expect(summary.classes == ["cat", "dog"] && summary.division == "stratified-grouped")
    let rows = try predictions().rows
    let training = try photographs.training().entries.map(\.path)
    #expect(rows.map(\.item).sorted() == training.sorted())
    for group in Dictionary(grouping: rows, by: { $0.item.split(separator: "_").dropLast().joined(separator: "_") })
      .values
    {
      #expect(Set(group.map(\.run)).count == 1 && group.count == 2)
    }
    let split = try #require(
      try Checkpoint.read(from: place.path + "/run/fold-1/best.h5").metadata.split)
    let parts = try split.division(of: photographs.training())
    #expect(parts.test?.entries.map(\.path) == rows.filter { $0.run == 1 }.map(\.item))
  }

  /// The frozen backbone sees each photograph once, however many folds hold it out or learn from it, and what comes of it is
  /// what a run of its own comes to, bit for bit.
  @Test func foldsShareFrozenFeatures() throws {
    let photographs = try Photographs()
    let checkpoint = try Photographs.pretrained("squeezenet-toy")
    var options = Photographs.options(photographs.data, epochs: 2)
    (options.architecture, options.checkpoint, options.freeze) = (nil, "pretrained.h5", ["backbone"])
    (options.images.imageSize, options.images.augmentation) = (nil, nil)
    options.members = .folds(3)
    let source = NetworkTraining.Source.checkpoint(checkpoint, path: "pretrained.h5")
    func setDates() throws {
      for entry in try photographs.training().entries {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: entry.file)
      }
    }
    try setDates()
    var alone: [RunSummary] = []
    for number in 0..<3 {
      let own = MemberOptions.folds(3).options(number, of: options)
      let report = try NetworkTraining.start(
        own, from: source, registry: .zoo, at: place.path + "/alone-\(number)", report: { _ in })
      alone.append(try #require(report.summary))
    }
    // What cannot be decoded any more is not needed after the first fold.
    func spoil(_ folder: String) throws {
      guard folder.hasSuffix("fold-2") else { return }
      for entry in try photographs.training().entries {
        let size = try #require(FileManager.default.attributesOfItem(atPath: entry.file)[.size] as? Int)
        try Data(repeating: 7, count: size).write(to: URL(filePath: entry.file))
      }
      try setDates()
    }
    let summary = try #require(
      try MemberTraining.start(
        options, from: source, registry: .zoo, at: place.path + "/run",
        hooks: { folder in
          #expect(throws: Never.self) { try spoil(folder) }
          return TrainingHooks()
        }, report: { _ in }
      ).summary)
    for (number, own) in alone.enumerated() {
      let fold = try #require(RunRecord.summary(at: "\(place.path)/run/fold-\(number + 1)"))
      #expect(fold.testLoss == own.testLoss && fold.testAccuracy == own.testAccuracy && own.testLoss != nil)
      #expect(fold.bestLoss == own.bestLoss && fold.skipped == 0)
      let predictions = try ["alone-\(number)", "run/fold-\(number + 1)"].map {
        try String(contentsOfFile: "\(place.path)/\($0)/predictions.csv", encoding: .utf8)
      }
      #expect(predictions[0] == predictions[1] && predictions[0].split(separator: "\n").count > 5)
    }
    #expect(summary.pooled?.items == (try photographs.training().entries.count))
  }

  @Test func optionsAreReadAsTheyWereWritten() throws {
    var options = options("x.csv", nil)
    options.parts.test = .fraction(0.2)
    options.parts.grouping = .pattern("^(.*)_")
    options.parts.isStratified = false
    options.members = .folds(5, repetitions: 2)
    let again = try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(options))
    #expect(again == options)
    let plain = self.options("x.csv", nil)
    let text = String(decoding: try JSONEncoder().encode(plain), as: UTF8.self)
    #expect(!text.contains("\"parts\"") && !text.contains("\"members\""), "a plain run is written as before")
    let split = try RecordedSplit(SplitPlan(validation: 0.1, test: 0.1, seed: 4), file: "1:2").text
    for word in ["fold", "sample", "grouping", "isStratified", "isInOrder"] {
      #expect(!split.contains(word), "\(split)")
    }
  }
}

import Aviary
import AviaryArchives
import AviarySQLite
import AviaryTestSupport
import Foundation
import Testing

/// Settings of learning and of preparation, from the command line to the run's record, and from there to predictions.
@Suite struct PreparationCommandTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: scratch / name))
  }

  private func train(_ arguments: [String]) throws -> BuiltTool.Outcome {
    try? FileManager.default.removeItem(atPath: scratch / "run")
    return try BuiltTool.run(
      [
        "train", "mlp", "--data", "sales.json", "--target", "sold", "--output", "run", "--epochs", "2", "--set",
        "hidden=[4]",
      ]
        + arguments, in: scratch.path)
  }

  private func options() throws -> TrainingOptions {
    try JSONDecoder().decode(TrainingOptions.self, from: Data(contentsOf: URL(filePath: scratch / "run/options.json")))
  }

  /// 60 rows of nested objects with a date; row 7 has an outlier.
  private func sales() -> [String] {
    (0..<60).map { row in
      let day = String(format: "2024-%02d-%02d", row % 12 + 1, row % 28 + 1)
      let price = row == 7 ? 100_000 : 10 + row % 9
      return
        #"{"when":"\#(day)","item":{"price":\#(price),"kind":"\#(row % 2 == 0 ? "a" : "b")"},"sold":\#(row * 3 % 17)}"#
    }
  }

  @Test func settingsReachTheRunAndItsPredictions() throws {
    let rows = sales()
    try write("[" + rows.joined(separator: ",\n") + "]", to: "sales.json")
    let outcome = try train([
      "--dates", "when", "--date-parts", "year,month,day-of-year", "--cyclical-dates", "--outliers", "drop-iqr=3",
      "--bins", "3", "--bin-encoding", "ordinal", "--scaling", "robust", "--optimizer", "adam", "--betas", "0.8,0.95",
      "--epsilon", "1e-6", "--schedule", "multi-step", "--milestones", "1", "--gamma", "0.5", "--accumulate", "2",
      "--batch-size", "8", "--l1", "1e-4", "--initializer", "HeNormal", "--seed", "3", "--loss", "huber",
      "--huber-delta", "0.5",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("1 training row with outliers dropped (item.price 1)"), "\(outcome.errors)")
    let options = try options()
    #expect(options.optimizer.beta1 == 0.8 && options.optimizer.beta2 == 0.95 && options.optimizer.epsilon == 1e-6)
    #expect(options.schedule == .multiStep(milestones: [1], gamma: 0.5))
    #expect(options.learning.accumulation == 2 && options.learning.l1 == 1e-4)
    #expect(options.learning.initializer == "HeNormal" && options.learning.loss == .huber(delta: 0.5))
    guard case .table(let settings)? = options.kind else { throw CocoaError(.featureUnsupported) }
    #expect(settings.dates?.parts == [.year, .month, .dayOfYear] && settings.dates?.isCyclical == true)
    #expect(settings.binning == .init(bins: 3, encoding: .ordinal) && settings.scaling == .robust)
    #expect(settings.outliers == .dropInterquartile(3))

    // The same rows as lines of objects, and with tabs, are predicted the same.
    try write(rows.joined(separator: "\n"), to: "lines.jsonl")
    try write(
      "when\titem.price\titem.kind\tsold\n"
        + (0..<60).map { row in
          let day = String(format: "2024-%02d-%02d", row % 12 + 1, row % 28 + 1)
          return "\(day)\t\(row == 7 ? 100_000 : 10 + row % 9)\t\(row % 2 == 0 ? "a" : "b")\t0\n"
        }.joined(), to: "tabs.tsv")
    func values(_ file: String) throws -> [Double] {
      let found = try BuiltTool.run(["predict", "run", file, "--json"], in: scratch.path)
      #expect(found.status == 0, "\(found.errors)")
      let predictions = try #require(try JSONValue(parsing: found.output.utf8)["predictions"]?.elements)
      return predictions.compactMap { $0["value"]?.double }
    }
    let expected = try values("sales.json")
    #expect(expected.count == 60)
    #expect(try values("lines.jsonl") == expected && values("tabs.tsv") == expected)
    #expect(try BuiltTool.run(["evaluate", "run", "--data", "sales.json"], in: scratch.path).status == 0)
    #expect(try BuiltTool.run(["describe", "lines.jsonl"], in: scratch.path).output.contains("item.price"))
    expectFault(
      try BuiltTool.run(["predict", "run", "bad.json"], in: scratch.path), "bad.json")

    // Predictions as files.
    for name in ["out.csv", "out.jsonl", "out.tsv"] {
      let written = try BuiltTool.run(["predict", "run", "sales.json", "--output", name], in: scratch.path)
      #expect(written.status == 0 && written.output.contains("\(name): 60 predictions"), "\(written.errors)")
      let table = try Table(csv: scratch / name)
      #expect(table.names == ["table", "row", "value"] && table["value"]?.values == .numeric(expected))
      let again = try BuiltTool.run(["predict", "run", "sales.json", "--output", name], in: scratch.path)
      expectFault(again, "\(name): exists", "--force")
      #expect(
        try BuiltTool.run(["predict", "run", "sales.json", "--output", name, "--force"], in: scratch.path).status == 0)
    }
    #expect(try BuiltTool.run(["predict", "run", "sales.json", "--output", "out.txt"], in: scratch.path).status == 64)
    #expect(
      try BuiltTool.run(["predict", "run", "sales.json", "--output", "out.sqlite"], in: scratch.path).status == 0)
    let database = try SQLiteDatabase(path: scratch / "out.sqlite", .read)
    let stored = try database.rows("SELECT \"table\", row, value FROM predictions ORDER BY row")
    #expect(
      stored.map { $0[2].number } == expected && stored.first == [.text("sales.json"), .integer(1), .real(expected[0])])
  }

  @Test(arguments: [
    (["--rho", "0.9"], "--rho is for --optimizer adadelta; leave it out for adamw"),
    (
      ["--optimizer", "sgd", "--epsilon", "1e-3"],
      "--epsilon is for --optimizer adagrad, adadelta, rmsprop, adam and adamw"
    ),
    (["--optimizer", "adam", "--momentum", "0.5"], "--momentum is for --optimizer momentum, nesterov and rmsprop"),
    (["--optimizer", "adam", "--centered"], "--centered is for --optimizer rmsprop"),
    (["--step-size", "3"], "--step-size is for --schedule step; leave it out for cosine"),
    (
      ["--schedule", "step", "--min-lr", "0.1"],
      "--minimum-learning-rate is for --schedule cosine, restarts, cyclic and plateau"
    ),
    (["--dropblock", "0.1"], "--dropblock"), (["--samplewise", "center"], "--samplewise"),
    (["--window", "3", "--bins", "4"], "--bins"), (["--text", "item.kind", "--dates", "when"], "--dates"),
    (["--loss", "mae", "--quantile", "0.9"], "--quantile is for --loss quantile"),
    (["--loss", "mae", "--task", "classification"], "the target is a class"), (["--loss", "l1"], "--loss"),
    (["--text-augment", "swap=0.1"], "--text-augment needs --text"),
  ]) func numbersThatMeanNothingAreRefused(arguments: [String], message: String) throws {
    try write("[" + sales().joined(separator: ",\n") + "]", to: "sales.json")
    let outcome = try train(arguments)
    #expect(outcome.status != 0 && outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch / "run"))
  }

  @Test func imagesAreAugmentedAndNormalizedAsAsked() throws {
    try ToyFiles.images(at: scratch / "pets")
    let changes =
      "flip,randaugment=5/1,trivialaugment,width-shift=0.2,height-shift=0,fill=reflect,channel-shift=20,crop-scale=0.5..0.9,crop-ratio=0.8"
    let outcome = try BuiltTool.run(
      [
        "train", "resnet-toy", "--data", "pets", "--output", "run", "--epochs", "1", "--image-size", "32", "--augment",
        changes, "--samplewise", "standard", "--dropblock", "0.2,3", "--batch-size", "8",
      ], in: scratch.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let images = try options().images
    let augmentation = try #require(images.augmentation)
    #expect(augmentation.randAugment == RandAugment(operations: 1, magnitude: 5))
    #expect(augmentation.trivialAugment == TrivialAugment() && augmentation.channelShift == 20)
    #expect(augmentation.affine == RandomAffine(widthShift: 0.2, heightShift: 0, fillMode: .reflect))
    #expect(augmentation.scale == 0.5...0.9 && augmentation.ratio == 0.8...1.25)
    #expect(try options().learning.dropBlock == DropBlockSettings(rate: 0.2, block: 3))
    let preparation = try #require(try Checkpoint.read(from: scratch / "run/best.h5").metadata.preprocessing)
    #expect(preparation.serialized.contains(#""samplewise":"standard""#))
    let shown = try BuiltTool.run(
      [
        "show", "pets", "--augment", "--changes", changes, "--count", "2", "--image-size", "24", "--output",
        "sheet.png",
        "--json",
      ], in: scratch.path)
    #expect(shown.status == 0, "\(shown.errors)")
    #expect(
      try shown.json()["changes"] as? [String] == [
        "Random crops", "Horizontal flip", "RandAugment", "TrivialAugment", "Width shift", "Channel shift",
        "All together: what training sees",
      ])
    // Images written as rows.
    let predicted = try BuiltTool.run(
      ["predict", "run", "pets/test", "--top", "2", "--output", "classes.csv"], in: scratch.path)
    #expect(predicted.status == 0, "\(predicted.errors)")
    let table = try Table(csv: scratch / "classes.csv")
    #expect(table.names == ["image", "class", "probability", "class_2", "probability_2"] && table.rowCount == 4)
  }
}

import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Runs on sequences of every form, from their files to their checkpoints.
@Suite struct SequenceTaskTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

  private func options(
    _ data: String, _ kind: DataOptions, epochs: Int, learningRate: Double = 1e-2, set: [(String, String)]
  ) -> TrainingOptions {
    var options = place.options(data, epochs: epochs, learningRate: learningRate)
    options.kind = kind
    options.configuration = set.map { ConfigurationChange(name: $0.0, value: $0.1) }
    return options
  }

  private func best(_ run: String = "run") throws -> (preparation: InputPreparation?, model: any Network) {
    let best = try Checkpoint.read(from: place.path + "/\(run)/best.h5")
    return (try best.inputPreparation(), try Registry.zoo.model(from: best, path: "best.h5").model)
  }

  /// Fine-tunes what a run has learned, for one epoch.
  private func tune(_ options: TrainingOptions, run: String = "tuned") throws -> RunSummary {
    let path = place.path + "/run/best.h5"
    var options = options
    (options.epochs, options.configuration) = (1, [])
    let report = try NetworkTraining.start(
      options, from: .checkpoint(try Checkpoint.read(from: path), path: path), registry: .zoo,
      at: place.path + "/" + run
    ) { _ in }
    return try #require(report.summary)
  }

  /// A run that was stopped in its middle ends as one that was not.
  private func resumesExactly(_ name: String, _ options: TrainingOptions) throws {
    var options = options
    options.epochs = 2
    let whole = try place.train(name, options, run: "whole")
    var steps = 0
    var hooks = TrainingHooks()
    hooks.isInterrupted = {
      steps += 1
      return steps == 3
    }
    let path = place.path + "/stopped"
    let stopped = try NetworkTraining.start(
      options, from: .scratch(try Registry.zoo.architecture(named: name)), registry: .zoo, at: path, hooks: hooks
    ) { _ in }
    #expect(stopped.interrupted)
    let resumed = try #require(try NetworkTraining.resume(at: path, registry: .zoo) { _ in }.summary)
    #expect(resumed.testLoss == whole.testLoss && resumed.bestLoss == whole.bestLoss)
  }

  // MARK: One answer

  @Test(arguments: [
    ("text-cnn", [("filters", "8"), ("inputs", "8")]),
    ("text-transformer", [("width", "16"), ("hidden", "16"), ("layers", "1")]),
  ])
  func textsAreSortedByTheirWords(name: String, set: [(String, String)]) throws {
    // Whether 'not' stands before 'good'.
    var random = RandomStream(seed: 4, purpose: "words")
    let others = ["it", "was", "a", "day", "very", "so", "and"]
    var text = "review,mood\n"
    for row in 0..<200 {
      var words = (0..<3 + random.integer(below: 4)).map { _ in others[random.integer(below: 7)] }
      words.insert(contentsOf: row % 2 == 0 ? ["good"] : ["not", "good"], at: random.integer(below: 3))
      text += words.joined(separator: " ") + (row % 2 == 0 ? ",glad\n" : ",sad\n")
    }
    let data = try place.write(text, to: "reviews.csv")
    var settings = TextColumnSettings(target: "mood", column: "review")
    settings.tokenizer = .word
    let options = options(data, .textColumn(settings), epochs: 8, set: set)
    let summary = try place.train(name, options)
    #expect(try #require(summary.testAccuracy) > 0.9)
    guard case .textColumn(let known)? = try best().preparation else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    #expect(known.vocabulary.unit == .word && known.symbols == 10)
    // What a network reads it goes on reading, without being told again; something else is refused.
    var plain = settings
    plain.tokenizer = nil
    var again = options
    again.kind = .textColumn(plain)
    #expect(try #require(tune(again).testAccuracy) > 0.5)
    guard case .textColumn(let kept)? = try best("tuned").preparation else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    #expect(kept.vocabulary == known.vocabulary && kept.settings.tokenizer == .word)
    plain.tokenizer = .character
    again.kind = .textColumn(plain)
    #expect(throws: TrainingFault.keptPreparation(path: place.path + "/run/best.h5")) { try tune(again, run: "not") }
  }

  @Test(arguments: [("sequence-gru", "12"), ("mlp", "[12]")])
  func severalValuesAreForecastAtOnce(name: String, hidden: String) throws {
    var text = "level\n"
    for row in 0..<240 { text += "\(100 + 40 * sin(Double(row) / 4))\n" }
    let data = try place.write(text, to: "levels.csv")
    var settings = SeriesSettings(target: "level", window: 8)
    (settings.horizon, settings.steps) = (3, 3)
    var options = options(data, .series(settings), epochs: 30, set: [("hidden", hidden)])
    if name == "mlp" { options.configuration.append(ConfigurationChange(name: "dropout", value: "[]")) }
    let summary = try place.train(name, options)
    #expect(try #require(summary.testRMSE) < 8)
    let (preparation, model) = try best()
    guard case .series(let preprocessing)? = preparation, let model = model as? any Classifier else {
      Issue.record("the checkpoint does not know the series")
      return
    }
    func check(_ model: some Classifier) throws {
      let predictor = ExamplePredictor(model, preprocessing)
      let rows = try preprocessing.rows(of: preprocessing.table(csv: data))
      let (steps, all) = predictor.regressionByStep(rows.examples(targets: 216..<240))
      #expect(steps.count == 3 && steps[0].count == 22 && all.count == 66)
      #expect(all == predictor.regression(rows.examples(targets: 216..<240)))
      let error = try #require(all.rootMeanSquaredError)
      #expect(abs(error - (summary.testRMSE ?? 0)) < 1e-3 * error, "in the table's own units")
      let squares = steps.reduce(0) { $0 + ($1.meanSquaredError ?? 0) } / 3
      #expect(abs(squares.squareRoot() - error) < 1e-9 * error)
      let next = try #require(predictor.valuesNext(after: rows))
      for (step, value) in next.enumerated() { #expect(abs(value - 100 - 40 * sin(Double(240 + step) / 4)) < 20) }
    }
    try check(model)
    // Fine-tuning goes on with the network's horizon.
    options.kind = .series(SeriesSettings(target: "level", window: 8))
    _ = try tune(options)
    #expect(try best("tuned").model.configurationValue["classes"]?.integer == 3)
  }

  // MARK: A label for each token

  private func sentences(_ count: Int) -> [(tokens: [String], tags: [String])] {
    var random = RandomStream(seed: 5, purpose: "sentences")
    return (0..<count).map { _ in
      var (tokens, tags): ([String], [String]) = ([], [])
      for _ in 0..<2 + random.integer(below: 5) {
        let word = ["can", "bill", "run", "see", "mr"][random.integer(below: 5)]
        // A name follows 'mr'.
        tags.append(word == "mr" ? "B-PER" : tokens.last == "mr" ? "I-PER" : "O")
        tokens.append(word)
      }
      return (tokens, tags)
    }
  }

  @Test(arguments: ["sequence-tagger-lstm", "sequence-tagger-gru"]) func labelsOfTokensAreLearned(name: String) throws {
    let rows = sentences(160).map { $0.tokens.joined(separator: " ") + "," + $0.tags.joined(separator: " ") }
    let data = try place.write("words,names\n" + rows.joined(separator: "\n") + "\n", to: "names.csv")
    let settings = TaggingSettings(target: "names", column: "words")
    let options = options(
      data, .tags(settings), epochs: 8, learningRate: 2e-2, set: [("embedding", "8"), ("hidden", "8")])
    let summary = try place.train(name, options)
    #expect(summary.classes == ["B-PER", "I-PER", "O"] && summary.items == "tokens")
    #expect(try #require(summary.testAccuracy) > 0.95)
    let (preparation, model) = try best()
    guard case .tags(let preprocessing)? = preparation, let tagger = model as? any SequenceTagger else {
      Issue.record("the checkpoint does not know the labels")
      return
    }
    let predictor = TagPredictor(tagger, preprocessing)
    let lines = try place.write("mr\ncan\n\nsee\nzebra\n", to: "new.txt")
    let (texts, words) = try preprocessing.texts(of: preprocessing.table(csv: lines))
    #expect(words == [["mr", "can"], ["see", "zebra"]])
    let answers = predictor.answers(texts)
    #expect(answers[0]?.map(\.tag) == ["B-PER", "I-PER"] && answers[1]?.count == 2)
    #expect(answers[0]?.allSatisfy { $0.probability > 0.5 && $0.probability <= 1 } == true)
    let metrics = predictor.metrics(try preprocessing.examples(of: preprocessing.table(csv: data)))
    #expect(metrics.tokens.count == sentences(160).reduce(0) { $0 + $1.tokens.count })
    #expect(try #require(metrics.spans?.f1) > 0.9)
  }

  @Test func labelsAreGoneOnWith() throws {
    let lines = sentences(80).map { zip($0.tokens, $0.tags).map { "\($0)\t\($1)\n" }.joined() + "\n" }.joined()
    let data = try place.write(lines, to: "names.conll")
    let options = options(data, .tags(TaggingSettings()), epochs: 2, set: [("embedding", "4"), ("hidden", "4")])
    try resumesExactly("sequence-tagger-gru", options)
    _ = try place.train("sequence-tagger-gru", options)
    // The same labels: the head stays. Others get a new one.
    _ = try tune(options)
    var other = options
    other.data = try place.write("mr A\ncan B\n\nsee B\n\nrun A\n\nmr C\ncan C\n\nbill A\n\n", to: "other.conll")
    #expect(try tune(other, run: "other").classes == ["A", "B", "C"])
    #expect(throws: ArchitectureFault.self) { try place.train("sequence-gru", options, run: "not") }
    #expect(throws: TrainingFault.self) { try place.train("char-gru", options, run: "not") }
  }

  @Test func spansAreCountedAsAWhole() {
    var spans = SpanMetrics()
    #expect(spans.f1 == nil && spans.precision == nil && spans.recall == nil)
    spans.add(truth: ["B-P", "I-P", "O", "B-L"], predicted: ["B-P", "O", "O", "B-L"])
    #expect(spans.correct == 1 && spans.predicted == 2 && spans.actual == 2 && spans.f1 == 0.5)
  }

  // MARK: Texts

  private func reversals(_ count: Int) throws -> String {
    var random = RandomStream(seed: 6, purpose: "words")
    var text = "word,back\n"
    for _ in 0..<count {
      let word = (0..<1 + random.integer(below: 4)).map { _ in Array("abc")[random.integer(below: 3)] }
      text += String(word) + "," + String(word.reversed()) + "\n"
    }
    return try place.write(text, to: "words.csv")
  }

  private func pairs(_ data: String, epochs: Int, set: [(String, String)]) -> TrainingOptions {
    options(data, .translation(TranslationSettings(target: "back", column: "word")), epochs: epochs, set: set)
  }

  @Test func wordsAreReversed() throws {
    let data = try reversals(240)
    let options = pairs(
      data, epochs: 24, set: [("embedding", "8"), ("hidden", "24"), ("dropout", "0")])
    let summary = try place.train("seq2seq-gru", options)
    #expect(try #require(summary.testAccuracy) > 0.9)
    let (preparation, model) = try best()
    guard case .translation(let preprocessing)? = preparation, let writing = model as? any SequenceWriter<SourceText>
    else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    let writer = TextWriter(writing, preprocessing)
    let texts = try preprocessing.texts(
      of: Table([
        .init("word", .categorical(["abca", "cb", "?", nil])), .init("back", .categorical([nil, nil, nil, nil])),
      ]))
    for beam in [1, 3] {
      #expect(writer.text(about: texts, at: 0, beam: beam)?.text == "acba")
      #expect(writer.text(about: texts, at: 1, beam: beam)?.text == "bc")
    }
    #expect(writer.text(about: texts, at: 2) != nil, "what nobody knows has a token of its own")
    let table = try preprocessing.table(csv: data)
    let metrics = writer.metrics(try preprocessing.examples(of: table, rows: Array(0..<40)))
    #expect(try #require(metrics.exactMatch) > 0.8 && metrics.texts == 40)
    #expect(try #require(metrics.accuracy) > 0.9 && #require(metrics.meanLoss) < 0.4)
    // The head and the vocabularies stay.
    #expect(try #require(tune(options).testAccuracy) > 0.9)
  }

  @Test func writingIsGoneOnWith() throws {
    let options = pairs(
      try reversals(80), epochs: 2, set: [("embedding", "4"), ("hidden", "6"), ("teacherForcing", "0.5")])
    try resumesExactly("seq2seq-lstm", options)
    #expect(throws: TrainingFault.self) { try place.train("sequence-generator-gru", options, run: "not") }
    // A file whose vocabulary is not that of its network.
    var odd = try Checkpoint.read(from: place.path + "/whole/best.h5")
    let table = Table([.init("word", .categorical(["abcd"])), .init("back", .categorical(["cba"]))])
    let other = try TranslationPreprocessing(
      fitting: table, rows: [0], TranslationSettings(target: "back", column: "word"))
    odd.metadata.preprocessing = try InputPreparation.translation(other).json()
    #expect(throws: TrainingFault.noVocabulary(path: "odd.h5")) {
      try NetworkTraining.start(
        options, from: .checkpoint(odd, path: "odd.h5"), registry: .zoo, at: place.path + "/odd"
      ) { _ in }
    }
    #expect(throws: TrainingFault.self) { try place.train("sequence-lstm", options, run: "not") }
  }

  @Test func rowsAreWrittenAbout() throws {
    var text = "animal,legs,sound\n"
    for row in 0..<90 { text += ["cat,4,miau", "dog,4,wuff", "bird,2,tschilp"][row % 3] + "\n" }
    let data = try place.write(text, to: "sounds.csv")
    let options = options(
      data, .generation(GenerationSettings(target: "sound")), epochs: 20,
      set: [("embedding", "8"), ("hidden", "16"), ("dropout", "0")])
    let summary = try place.train("sequence-generator-gru", options)
    #expect(try #require(summary.testAccuracy) > 0.95)
    let (preparation, model) = try best()
    guard case .generation(let preprocessing)? = preparation, let writing = model as? any SequenceWriter<Tensor> else {
      Issue.record("the checkpoint does not know the texts")
      return
    }
    let writer = TextWriter(writing, preprocessing)
    let rows = try Table(csv: Array("legs,animal\n2,bird\n4,cat\n".utf8), path: "new.csv")
    let features = try preprocessing.rows.features(of: rows)
    #expect((0..<2).map { writer.text(about: features, at: $0, beam: 2)?.text } == ["tschilp", "miau"])
    _ = try tune(options)
    var scaled = GenerationSettings(target: "sound")
    scaled.table.scaling = .minMax
    var not = options
    not.kind = .generation(scaled)
    #expect(throws: TrainingFault.keptPreparation(path: place.path + "/run/best.h5")) { try tune(not, run: "not") }
    try resumesExactly("sequence-generator-gru", options)
  }

  @Test func optionsAreKept() throws {
    var series = SeriesSettings(target: "a", window: 3)
    (series.horizon, series.steps) = (2, 2)
    for kind: DataOptions in [
      .tags(TaggingSettings()), .translation(TranslationSettings(target: "a", column: "b")),
      .generation(GenerationSettings(target: "a")), .series(series),
    ] {
      let given = options("data", kind, epochs: 1, set: [])
      let copy = try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(given))
      #expect(copy.kind == kind)
    }
  }
}

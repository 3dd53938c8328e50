import Aviary
import AviaryArchives

/// `aviary evaluate` with several checkpoints, or with several views of images.
struct EnsembleEvaluation {
  let report: EvaluationReport
  let scores: EnsembleScores

  init(
    _ choice: EnsembleChoice, on named: String, part: EvaluationPart?, columns: ColumnOptions,
    reading: ReadingArguments,
    source options: SourceOptions
  ) throws {
    let data = try choice.weights.dataPath(named)
    let kind = try DataSource.kind(of: data)
    try reading.check(kind, data)
    reading.setThreads()
    let opened = try choice.names.map { try OpenedCheckpoint($0, options, weights: choice.weights) }
    let fitting = FittedWeights(opened, choice, columns, reading, options)
    let (weights, fitted) = try fitting.weights(evaluating: data, kind)
    let source = try EnsembleSource(
      opened, on: data, kind, part: part, columns: columns, reading: reading, allowing: options.allowances,
      views: choice.arguments.tta ?? .single)
    try Self.check(choice.rule, source)
    source.announceDecision(choice.rule, weights)
    var scores = EnsembleScores(source, choice.rule, weights)
    let scan = try source.scan(data, part) { scores.add($0) }
    if fitted?.data == data, let part = scan.part, part == EvaluationPart.validation.word || part == fitted?.part {
      tell("\(data): the weights were fitted to the very items that are evaluated")
    }
    self.scores = scores
    var report = scores.report(scan)
    guard report.isFinite else { throw PredictionFault.notFinite(item: data, weights: nil) }
    report.lines = Self.lines(scores, source, choice, fitted) + report.lines
    report.members.append(("ensemble", Self.json(scores, source, choice, fitted)))
    self.report = report
  }

  /// Refuses a rule for classes where numbers are estimated.
  static func check(_ rule: EnsembleRule, _ source: EnsembleSource) throws(EnsembleFault) {
    if source.classes.isEmpty, rule == .logits || rule == .vote { throw .notForNumbers(rule) }
  }

  private static func lines(
    _ scores: EnsembleScores, _ source: EnsembleSource, _ choice: EnsembleChoice, _ fitted: FittedWeights.Fit?
  ) -> [String] {
    var rows = [["checkpoint", "weight", scores.isRegression ? "RMSE" : "accuracy", "95 % interval"]]
    if !scores.isRegression { rows[0].append("loss") }
    func row(_ name: String, _ weight: String, _ score: EnsembleScores.Score?) -> [String] {
      guard let score else { return [name, weight, "-", "-"] }
      func text(_ value: Double) -> String {
        scores.isRegression ? "\(significant(value, 5))" : percent(value)
      }
      let interval = score.interval.map { "\(text($0.lower)) to \(text($0.upper))" } ?? "-"
      return [name, weight, text(score.value), interval] + (score.loss.map { [fixed($0, 4)] } ?? [])
    }
    for (place, name) in choice.names.enumerated() {
      rows.append(row(name, "\(significant(scores.weights.values[place], 4))", scores.score(place)))
    }
    if choice.names.count > 1 { rows.append(row("(\(choice.rule.word))", "", scores.score(nil))) }
    var lines = table(rows, right: [1, 2, 3, 4])
    lines.append(scores.method)
    if let fitted { lines.append("weights fitted on \(counted(fitted.items, "item")) of \(fitted.data)") }
    if let views = choice.arguments.tta, views != .single { lines.append("\(views.views) views of each image") }
    return lines
  }

  private static func json(
    _ scores: EnsembleScores, _ source: EnsembleSource, _ choice: EnsembleChoice, _ fitted: FittedWeights.Fit?
  ) -> JSONValue {
    func ends(_ interval: ScoreInterval?) -> JSONValue {
      interval.map { .array([.real($0.lower), .real($0.upper)]) } ?? .null
    }
    let name = scores.isRegression ? "rmse" : "accuracy"
    func members(_ score: EnsembleScores.Score?) -> [JSONValue.Member] {
      var list = [JSONValue.Member(name, .real(score?.value)), .init(name + "_interval", ends(score?.interval))]
      if !scores.isRegression { list.append(.init("loss", .real(score?.loss))) }
      return list
    }
    let list = choice.names.enumerated().map { place, name -> JSONValue in
      .object(
        [.init("checkpoint", .text(name)), .init("weight", .real(scores.weights.values[place]))]
          + members(scores.score(place)))
    }
    var object: [JSONValue.Member] = [
      .init("rule", .text(choice.rule.word)), .init("members", .array(list)),
    ]
    object += members(scores.score(nil))
    object += [
      .init("interval", .text(scores.isRegression ? "student-t" : "wilson")), .init("confidence", .real(0.95)),
      .init("tta", .text((choice.arguments.tta ?? .single).word)),
      .init("weights_fitted_on", fitted.map { .text($0.data) } ?? .null),
    ]
    return .object(object)
  }
}

/// Where the weights of an ensemble come from.
struct FittedWeights {
  struct Fit {
    let data: String
    let part: String?
    let items: Int
  }

  private let opened: [OpenedCheckpoint]
  private let choice: EnsembleChoice
  private let columns: ColumnOptions
  private let reading: ReadingArguments?
  private let options: SourceOptions

  init(
    _ opened: [OpenedCheckpoint], _ choice: EnsembleChoice, _ columns: ColumnOptions, _ reading: ReadingArguments?,
    _ options: SourceOptions
  ) {
    (self.opened, self.choice, self.columns, self.reading, self.options) = (opened, choice, columns, reading, options)
  }

  /// Given, equal or fitted ones.
  ///
  /// - Parameter data: what is evaluated, whose validation part the weights are fitted on unless other data are named; nil
  ///   where there are no labels.
  func weights(evaluating data: String?, _ kind: DataKind) throws -> (weights: EnsembleWeights, fit: Fit?) {
    if let given = choice.given { return (given, nil) }
    guard choice.rule == .weighted, opened.count > 1 else { return (EnsembleWeights(count: opened.count), nil) }
    let named = try choice.arguments.validation.map { try choice.weights.dataPath($0) }
    guard let path = named ?? data else { throw EnsembleFault.nothingToFit }
    let (fitted, fit) = try fit(path, isOwn: named != nil)
    if let file = choice.arguments.saveWeights { try save(fitted, to: file, fit) }
    for (name, weight) in zip(choice.names, fitted.values) { tell("\(name): weight \(significant(weight, 4))") }
    return (fitted, fit)
  }

  /// - Parameter isOwn: whether the data are there for nothing else, so that all of them count unless they have a part for
  ///   validation.
  private func fit(_ path: String, isOwn: Bool) throws -> (EnsembleWeights, Fit) {
    let kind = try DataSource.kind(of: path)
    func scan(_ part: EvaluationPart) throws -> (EnsembleWeights, Fit) {
      let source = try EnsembleSource(
        opened, on: path, kind, part: part, columns: columns, reading: reading, allowing: options.allowances,
        views: choice.arguments.tta ?? .single)
      var (own, errors): ([[Double]], [[Double]]) = ([], [])
      let scan = try source.scan(path, part) { item in
        switch item {
        case .classes(let label, let answers): own.append(answers.map { $0.probabilities[label] })
        case .numbers(let targets, let estimates):
          for (step, target) in targets.enumerated() { errors.append(estimates.map { $0[step] - target }) }
        }
      }
      guard !own.isEmpty || !errors.isEmpty else { throw EnsembleFault.nothingToFit }
      let weights = own.isEmpty ? EnsembleWeights(leastSquares: errors) : EnsembleWeights(leastLogLoss: own)
      return (weights, Fit(data: path, part: scan.part, items: own.count + errors.count))
    }
    do { return try scan(.validation) } catch CommandFault.noPart {
      guard isOwn else { throw EnsembleFault.nothingToFit }
      return try scan(.all)
    }
  }

  private func save(_ weights: EnsembleWeights, to file: String, _ fit: Fit) throws {
    let object = JSONValue.members([
      "checkpoints": .texts(choice.names), "weights": .array(weights.values.map { .real($0) }),
      "fitted_on": .text(fit.data),
    ])
    try writeDurably([ByteRegion(Array((object.serialized + "\n").utf8))], to: file)
  }
}

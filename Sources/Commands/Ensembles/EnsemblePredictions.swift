import Aviary

// `aviary predict` with several checkpoints, or with several views of images.

extension PredictCommand {
  /// Predicts what the arguments name by all networks together.
  func predictTogether(_ paths: [String], _ choice: EnsembleChoice) throws {
    if user != nil { throw CommandFault.noRatings(path: choice.names[0]) }
    try writing.requireNone(path: choice.names[0])
    let opened = try choice.names.map { try OpenedCheckpoint($0, source, weights: choice.weights) }
    let kind = try kind(of: paths)
    let fitting = FittedWeights(opened, choice, columns, nil, source)
    let (weights, _) = try fitting.weights(evaluating: nil, kind)
    let ensemble = try EnsembleSource(
      opened, on: paths[0], kind, columns: columns, allowing: source.allowances, views: choice.arguments.tta ?? .single,
      needsTarget: false)
    try EnsembleEvaluation.check(choice.rule, ensemble)
    ensemble.announceDecision(choice.rule, weights)
    let object = description(choice, weights)
    switch ensemble.content {
    case .images(let images):
      try answer(paths, also: [.init("ensemble", object)]) { entries, progress in
        try images.predict(
          entries, rule: choice.rule, weights: weights, workers: availableCores(), progress: progress
        ).map { found in found.map { Answer($0, top: top, temperature) } }
      }
    case .other(let members):
      if temperature != nil, ensemble.classes.isEmpty { throw CommandFault.noProbabilities(path: choice.names[0]) }
      var predictions = EnsembleTable(
        source: ensemble, members, choice.rule, weights, top: top, temperature: temperature)
      for path in paths { try predictions.add(path, items: try items(path, kind)) }
      try deliver(
        predictions.values, also: [.init("ensemble", object)], hasClasses: !ensemble.classes.isEmpty,
        lines: predictions.lines)
      if let first = predictions.faults.first {
        throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.values.count, first: first)
      }
    }
  }

  /// The kind of what is to be predicted.
  private func kind(of paths: [String]) throws -> DataKind {
    if paths.allSatisfy({ (try? DataSource.kind(of: $0)) == .graphs }) { return .graphs }
    for (option, isGiven) in [("--nodes", nodes != nil), ("--graphs", graphs != nil)] where isGiven {
      throw CommandFault.unsuitedOption(option: option, kinds: [.graphs], path: paths[0])
    }
    if paths.allSatisfy({ TableFormat.isTable($0) || Self.isText($0) }) {
      return paths.allSatisfy(TableFormat.isTable) ? .tables : .text
    }
    return .images
  }

  /// The nodes or graphs that were asked for, counted from 0; nil for all.
  private func items(_ path: String, _ kind: DataKind) throws -> [Int]? {
    guard kind == .graphs else { return nil }
    let isCollection = GraphCollection.isPresent(at: path)
    if isCollection ? nodes != nil : graphs != nil {
      throw CommandFault.otherItems(
        option: isCollection ? "--nodes" : "--graphs", path: path, found: isCollection ? "a collection" : "one graph",
        other: isCollection ? "--graphs" : "--nodes")
    }
    if isCollection {
      let last = try GraphCollection(path: path).count
      return try graphs?.numbers("--graphs", of: path, items: "graphs", in: 1...max(1, last)).map { $0 - 1 }
    }
    let last = try GraphDataset(path: path, needsLabels: false).nodes - 1
    return try nodes?.numbers("--nodes", of: path, items: "nodes", in: 0...max(0, last))
  }

  private func description(_ choice: EnsembleChoice, _ weights: EnsembleWeights) -> JSONValue {
    .members([
      "rule": .text(choice.rule.word), "checkpoints": .texts(choice.names),
      "weights": .array(weights.values.map { .real($0) }), "tta": .text((choice.arguments.tta ?? .single).word),
    ])
  }
}

/// What networks together say of rows, nodes and graphs.
private struct EnsembleTable {
  let source: EnsembleSource
  let members: [DataMember]
  let rule: EnsembleRule
  let weights: EnsembleWeights
  /// Which class all networks predict together.
  private let decision: ClassDecision
  let top: Int
  let temperature: Double?
  private(set) var lines: [String] = []
  private(set) var faults: [String] = []
  private(set) var values: [JSONValue] = []

  init(
    source: EnsembleSource, _ members: [DataMember], _ rule: EnsembleRule, _ weights: EnsembleWeights, top: Int,
    temperature: Double?
  ) {
    (self.source, self.members, self.rule, self.weights, self.top) = (source, members, rule, weights, top)
    self.temperature = temperature
    decision = rule.decision(of: source.decisions, weights: weights.values)
  }

  /// - Parameter items: by their numbers; nil for all.
  mutating func add(_ path: String, items: [Int]?) throws {
    let next: [MemberOutput]?
    do throws(TableFault) { next = try outputsNext(path) } catch {
      return add(.failure("\(error)"), [.init("table", .text(path))], path)
    }
    if let next {
      return try answer(next, [.init("table", .text(path))], "\(path): next \(members[0].target)")
    }
    let answers = try members.map { try $0.answers(path, items) }
    for remark in answers.flatMap(\.remarks) { tell("\(path): \(remark)") }
    let names = answers[0].names
    let isTable = source.kind == .tables
    for item in items ?? Array(names.indices) {
      let number = names[item]
      let noun = isTable ? "row" : members[0].noun
      let place: [JSONValue.Member] = [.init(isTable ? "table" : "data", .text(path)), .init(noun, .integer(number))]
      let label = "\(path) \(noun) \(number)"
      let found = answers.compactMap { $0.outputs[item] }
      guard found.count == members.count else {
        let reason = "a value is missing, and a network was trained without such rows"
        add(.failure("\(label): \(reason)"), place, label)
        continue
      }
      try answer(found, place, label)
    }
  }

  /// What each network says of what comes after the end of a series; nil for other data.
  private func outputsNext(_ path: String) throws(TableFault) -> [MemberOutput]? {
    let forecasts = members.compactMap(\.next)
    guard forecasts.count == members.count else { return nil }
    var found: [MemberOutput] = []
    for forecast in forecasts {
      do {
        let (numbers, remarks) = try forecast(path)
        for remark in remarks { tell("\(path): \(remark)") }
        found.append(.numbers(numbers))
      } catch let fault as TableFault { throw fault } catch { throw .unreadable(reason: "\(error)") }
    }
    return found
  }

  /// Adds what the networks say of an item; refuses numbers that cannot be averaged, each with that of the other networks.
  private mutating func answer(
    _ found: [MemberOutput], _ place: [JSONValue.Member], _ label: String
  ) throws(EnsembleFault) {
    let numbers = found.compactMap(\.numbers)
    if let first = numbers.first, let other = numbers.firstIndex(where: { $0.shape != first.shape }) {
      throw .otherTarget(
        path: source.paths[other], found: numbers[other].counts, first: source.paths[0], expected: first.counts)
    }
    if let lost = zip(found, members).first(where: { !$0.0.isFinite })?.1 {
      return add(.failure("\(PredictionFault.notFinite(of: label, lost.evaluation.model))"), place, label)
    }
    add(.success(found), place, label)
  }

  private enum Found {
    case success([MemberOutput])
    case failure(String)
  }

  private mutating func add(_ found: Found, _ place: [JSONValue.Member], _ label: String) {
    switch found {
    case .failure(let fault):
      faults.append(fault)
      lines.append("\(label): not predicted")
      values.append(.object(place + [.init("error", .text(fault))]))
    case .success(let outputs) where source.classes.isEmpty:
      let estimates = outputs.compactMap(\.numbers)
      let mean = estimates[0].values.indices.map { step in
        zip(estimates, weights.values).reduce(0) { $0 + $1.0.values[step] * $1.1 }
      }
      let joint = OutputNumbers(mean, shape: estimates[0].shape)
      lines.append("\(label): " + joint.line())
      values.append(.object(place + joint.members))
    case .success(let outputs):
      let plain = rule.probabilities(
        source.answers(outputs), weights: weights.values, decisions: source.decisions)
      let best = decision.order(plain).prefix(top)
      let shares = plain.scaled(temperature)
      lines.append("\(label): " + best.map { "\(source.classes[$0]) \(percent(shares[$0]))" }.joined(separator: ", "))
      let list = best.map { JSONValue.members(["name": .text(source.classes[$0]), "probability": .real(shares[$0])]) }
      values.append(.object(place + [.init("classes", .array(list))]))
    }
  }
}

import ArgumentParser
import Aviary

/// The predictions of `aviary predict` of a network that is given its inputs one by one.
struct FedPredictions {
  let network: FedNetwork
  /// The number of classes that are printed.
  let top: Int
  /// Examples without a prediction, a line each.
  private(set) var faults: [String] = []
  private(set) var count = 0
  private(set) var lines: [String] = []
  /// As JSON has them.
  private(set) var predictions: [JSONValue] = []

  init(_ network: FedNetwork, top: Int) {
    self.network = network
    self.top = top
  }

  mutating func add(_ feeds: InputFeeds) {
    var line = ProgressLine()
    defer { line.clear() }
    let total = feeds.count
    var answers: [(Int, FedNetwork.Answer)] = []
    let showsProgress = { line.show(.init("predicting", done: $0, total: total)) }
    network.forEach(feeds, progress: showsProgress) { answers.append(($0, $1)) }
    for (example, answer) in answers { add(answer, feeds, example) }
  }

  private mutating func add(_ answer: FedNetwork.Answer, _ feeds: InputFeeds, _ example: Int) {
    count += 1
    let name = feeds.name(example).text
    var members = feeds.members(example)
    switch answer {
    case .failure(let unfed):
      faults.append(unfed.reason)
      lines.append("\(name): not predicted")
      members.append(.init("error", .text(unfed.reason)))
    case .success(let results):
      let told = results.enumerated().map { place, result in self.told(result, place) }
      if results.count == 1 {
        lines.append("\(name): \(told[0].line)")
        members += told[0].members
      } else {
        lines.append(name)
        lines += zip(results, told).map { "  \($0.name): \($1.line)" }
        members.append(
          .init("outputs", .object(zip(results, told).map { .init($0.name, .object($1.members)) })))
      }
    }
    predictions.append(.object(members))
  }

  /// The most numbers of an output in a line.
  private static let mostShown = 12

  /// An output in words, and as members of a JSON object.
  private func told(_ result: KerasResult, _ place: Int) -> (line: String, members: [JSONValue.Member]) {
    guard result.meaning == .values else {
      let values = result.tensor.scalars
      let classes = network.classes(values.count, place: place)
      let best = network.decision(place: place).order(values).prefix(top)
      return (
        best.map { "\(classes[$0]) \(percent(Double(values[$0])))" }.joined(separator: ", "),
        [
          .init(
            "classes",
            .array(best.map { .members(["name": .text(classes[$0]), "probability": .real(values[$0])]) }))
        ]
      )
    }
    let numbers = OutputNumbers.each(of: result.tensor, isChannelsFirst: result.isChannelsFirst)[0]
    return (numbers.line(atMost: Self.mostShown), numbers.members)
  }
}

extension PredictCommand {
  /// Predicts what `--input` names.
  func predictNamed() throws {
    let given = try inputs.map { text in
      guard let input = NamedInput(text) else { throw ValidationError("--input \(text): give NAME=FILE") }
      return input
    }
    let evaluation = try DataEvaluation(checkpoint, source, weights: weights)
    guard let fed = try fed(evaluation, always: true) else { throw FeedFault.noInputs(path: evaluation.path) }
    if columns.window != nil { throw FeedFault.unheeded(option: "--window") }
    if try evaluation.checkpoint.inputPreparation() != nil, fed.preprocessing == nil {
      // Its columns are prepared as those of its training were.
      throw CommandFault.knownColumns(path: evaluation.path, option: "--input")
    }
    let feeds = try InputFeeds(
      named: given, fed.network.configuration.inputs, fed.preprocessing, path: evaluation.path)
    try report(fed, [feeds])
  }

  /// Predicts tables, and files of texts, for a network that is given its inputs one by one; false for another.
  func predictFiles(_ files: [String], _ evaluation: DataEvaluation) throws -> Bool {
    guard let fed = try fed(evaluation), try evaluation.checkpoint.inputPreparation() == nil || fed.preprocessing != nil
    else { return false }
    if columns.window != nil { throw FeedFault.unheeded(option: "--window") }
    let inputs = fed.network.configuration.inputs
    let left = columns.columns(classes: []).excluded + [columns.target].compactMap { $0 }
    let feeds = try files.map { file in
      TableFormat.isTable(file)
        ? try InputFeeds(table: file, inputs, leavingOut: left, path: evaluation.path)
        : try InputFeeds(texts: file, inputs, path: evaluation.path)
    }
    try report(fed, feeds)
    return true
  }

  /// Predicts images for a network of several outputs.
  func predictImages(_ images: [String], _ fed: FedNetwork, _ preprocessing: Preprocessing) throws {
    let input = fed.network.configuration.inputs[0]
    let feeds = try images.map { path in
      let selection = try ImageSelection(path)
      if let remark = selection.remark(on: path) { tell(remark) }
      return try InputFeeds(images: selection.entries, input, preprocessing)
    }
    try report(fed, feeds)
  }

  private func fed(_ evaluation: DataEvaluation, always: Bool = false) throws -> FedNetwork? {
    var fed = FedNetwork(
      evaluation.model, evaluation.checkpoint.metadata, try evaluation.checkpoint.preprocessing(),
      path: evaluation.path, always: always)
    try fed?.take(columns.task)
    return fed
  }

  /// Prints what a network puts out for files, in their order.
  func report(_ fed: FedNetwork, _ feeds: [InputFeeds]) throws {
    var predictions = FedPredictions(fed, top: top)
    for feed in feeds { predictions.add(feed) }
    try deliver(predictions.predictions, lines: predictions.lines)
    if let first = predictions.faults.first {
      throw CommandFault.unpredictedRows(count: predictions.faults.count, of: predictions.count, first: first)
    }
  }
}

import Aviary

/// A Keras network that is given its inputs one by one.
struct FedNetwork {
  let path: String
  let network: KerasNetwork
  let metadata: Checkpoint.Metadata
  let preprocessing: Preprocessing?
  private let decision: ClassDecision
  /// Whether outputs that may be anything are numbers.
  private(set) var areNumbers = false

  /// Nil for a network that is given images, or the rows of a table, as others are.
  init?(
    _ model: any Network, _ metadata: Checkpoint.Metadata, _ preprocessing: Preprocessing?, path: String,
    always: Bool = false
  ) {
    guard let network = model as? KerasNetwork else { return nil }
    let configuration = network.configuration
    guard
      always || configuration.takesTexts || configuration.takesTokens || configuration.namedOutputs.count > 1
        || configuration.inputs.count > 1
    else { return nil }
    self.path = path
    self.network = network
    self.metadata = metadata
    self.preprocessing = preprocessing
    decision = metadata.announcedDecision(path)
  }

  /// Takes what a person says of outputs that the file leaves open.
  mutating func take(_ task: TableSettings.Task?) throws(CommandFault) {
    let outputs = network.configuration.namedOutputs
    let mayBeNumbers = outputs.contains { $0.meaning == .values || $0.assumesScores }
    if task == .classification, outputs.allSatisfy({ $0.meaning == .values }) {
      throw .otherOutputs(path: path, reason: "its outputs are not class scores; leave out --task")
    }
    if task == .regression, !mayBeNumbers {
      throw .otherOutputs(path: path, reason: "its outputs are probabilities; leave out --task")
    }
    areNumbers = task == .regression
    for output in outputs where output.assumesScores && task == nil {
      tell(
        "\(path): its output '\(output.name)' is taken for scores of classes; if these are numbers, give --task regression"
      )
    }
  }

  /// The outputs for an example, or why there are none.
  typealias Answer = Result<[KerasResult], Unfed>

  private static let batchSize = 32

  /// Calls `body` with every example in order.
  func forEach(_ feeds: InputFeeds, progress: (Int) -> Void = { _ in }, _ body: (Int, Answer) -> Void) {
    let size = network.configuration.dependsOnBatch ? 1 : Self.batchSize
    for start in stride(from: 0, to: feeds.count, by: size) {
      let examples = start..<min(feeds.count, start + size)
      var batches: [(examples: [Int], tensors: [[Tensor]])] = []
      var unfed: [Int: Unfed] = [:]
      for example in examples {
        switch feeds.tensors(example) {
        case .failure(let reason): unfed[example] = reason
        case .success(let tensors):
          // Inputs of one batch have one shape, but for texts.
          let isSame = batches.last.map { batch in
            zip(zip(batch.tensors[0], tensors), feeds.feeds).allSatisfy { $1.input.isText || $0.0.shape == $0.1.shape }
          }
          if isSame == true {
            batches[batches.count - 1].examples.append(example)
            batches[batches.count - 1].tensors.append(tensors)
          } else {
            batches.append(([example], [tensors]))
          }
        }
      }
      var answers: [Int: Answer] = unfed.mapValues { .failure($0) }
      for batch in batches { answers.merge(answer(batch.examples, batch.tensors, feeds)) { first, _ in first } }
      for example in examples { body(example, answers[example] ?? .failure(Unfed(""))) }
      progress(examples.upperBound)
    }
  }

  private func answer(_ examples: [Int], _ tensors: [[Tensor]], _ feeds: InputFeeds) -> [Int: Answer] {
    let inputs = feeds.feeds.indices.map { place in
      InputFeed.joined(tensors.map { $0[place] }, feeds.feeds[place].input)
    }
    do throws(ConfigurationFault) {
      try network.configuration.validate(inputs: inputs.map { Array($0.shape.dropFirst()) })
    } catch {
      return Dictionary(examples.map { ($0, .failure(Unfed("\(feeds.name($0).text): \(error)"))) }) { first, _ in first
      }
    }
    let results = network.results(inputs, areNumbers: areNumbers)
    var answers: [Int: Answer] = [:]
    for (row, example) in examples.enumerated() {
      let own = results.map { result in
        KerasResult(
          name: result.name, meaning: result.meaning, tensor: result.tensor.slice(axis: 0, from: row, to: row + 1),
          isChannelsFirst: result.isChannelsFirst)
      }
      let isFinite = own.allSatisfy { $0.tensor.scalars.allSatisfy(\.isFinite) }
      answers[example] =
        isFinite
        ? .success(own)
        : .failure(notFinite(feeds.name(example).text, inputs.map { $0.slice(axis: 0, from: row, to: row + 1) }))
    }
    return answers
  }

  /// Why the outputs of an example are not finite.
  private func notFinite(_ example: String, _ inputs: [Tensor]) -> Unfed {
    let fault = PredictionFault.notFinite(of: example, network)
    guard case .notFinite(_, weights: nil) = fault, let unknown = network.unknownToken(inputs) else {
      return Unfed("\(fault)")
    }
    let token = Int(exactly: unknown.token).map(String.init) ?? "\(unknown.token)"
    return Unfed(
      "\(example): the token \(token) is outside the embedding '\(unknown.layer)', whose rows are 0 to \(unknown.rows - 1); "
        + "give tokens of the network's vocabulary")
  }

  /// The names of an output's classes: the checkpoint's, if there are as many, or numbers.
  func classes(_ count: Int, place: Int) -> [String] {
    if place == 0, let names = metadata.classes, names.count == count { return names }
    return (0..<count).map(String.init)
  }

  /// Which of an output's classes is predicted: the checkpoint speaks of the first output.
  func decision(place: Int) -> ClassDecision { place == 0 ? decision : .mostProbable }
}

import Aviary
import AviaryDiagnostics
import AviaryKernels

/// A model in use, with those who wait for it. It never changes: a file that is replaced becomes another one.
package final class ServedModel: Sendable {
  /// What the model reads.
  enum Kind: Sendable {
    case images(Preprocessing)
    case rows(TablePreprocessing)
  }

  /// How requests are put together, and how many may wait.
  package struct Limits: Sendable {
    /// How many images or rows are computed at once.
    package var batch = 16
    /// How long a batch that is not full waits for others.
    package var delay: Duration = .milliseconds(2)
    /// How many requests may wait for a model.
    package var capacity = 128

    package init() {}
  }

  package let name: String
  /// "1", and one more for each time that its file was replaced.
  package let version: String
  let architecture: String
  let kind: Kind
  /// In the order of the outputs; empty where these are numbers.
  package let classes: [String]
  let outputCount: Int
  /// Which class is predicted of the probabilities: the checkpoint's.
  package let decision: ClassDecision
  let frozen: InferenceClassifier
  let limits: Limits
  let queue: BatchQueue<PreparedRows, RowOutputs>
  let explanations: BatchQueue<ExplainedPicture, PictureExplanation>

  init(
    name: String, version: String, architecture: String, kind: Kind, classes: [String], outputCount: Int,
    decision: ClassDecision, frozen: InferenceClassifier, limits: Limits, metrics: ServingMetrics
  ) {
    self.name = name
    self.version = version
    self.architecture = architecture
    self.kind = kind
    self.classes = classes
    self.outputCount = outputCount
    self.decision = decision
    self.frozen = frozen
    self.limits = limits
    queue = BatchQueue(.init(batch: limits.batch, delay: limits.delay, capacity: limits.capacity)) { batch in
      let start = ContinuousClock.now
      let outcomes = await Self.outcomes(of: batch, frozen, outputs: outputCount)
      metrics.addBatch(
        of: name, rows: batch.reduce(0) { $0 + $1.count }, seconds: (ContinuousClock.now - start).inSeconds)
      return outcomes
    }
    // They are slow, so that a few who wait are enough.
    explanations = BatchQueue(.init(batch: 1, delay: .zero, capacity: max(1, limits.capacity / 8))) { pictures in
      var outcomes: [Result<PictureExplanation, ServingFault>] = []
      for picture in pictures { outcomes.append(await picture.explained(by: frozen, decision)) }
      return outcomes
    }
  }

  /// The most rows that a request may have: of a table they are small.
  var mostRows: Int {
    if case .rows = kind { return max(limits.batch, 4096) }
    return limits.batch
  }

  /// The shape of a batch, -1 for sizes that are not fixed.
  var inputShape: [Int] {
    switch kind {
    case .images(let preprocessing):
      let size = preprocessing.outputSize
      return [-1, preprocessing.channels.count, size?.height ?? -1, size?.width ?? -1]
    case .rows(let preprocessing): return [-1, preprocessing.featureCount]
    }
  }

  /// What the network makes of rows, computed together with others'.
  func outputs(_ rows: PreparedRows) async throws(ServingFault) -> RowOutputs {
    try await queue.submit(rows, rows: rows.count)
  }

  /// Runs the network once on zeros: whether it gives finite numbers, and as many as there are classes.
  func check() throws(ServingFault) {
    let shape = inputShape.dropFirst()
    guard !shape.contains(-1) else { return }
    let outcome = Result { () throws(ConfigurationFault) in
      try frozen.run { (model) throws(ConfigurationFault) -> [Float] in
        try model.configuration.validate(input: Array(shape))
        return model(Tensor(zeros: [1] + shape)).scalars
      }
    }
    switch outcome {
    case .failure(let fault): throw .failed("\(fault)")
    case .success(let scalars):
      guard scalars.count == outputCount else {
        throw .failed("the network gives \(scalars.count) outputs, and \(outputCount) are expected")
      }
      guard scalars.allSatisfy(\.isFinite) else { throw .notFinite }
    }
  }

  // MARK: Computing

  /// An outcome for each of the requests of a batch; those of one shape are computed together.
  private static func outcomes(
    of batch: [PreparedRows], _ frozen: InferenceClassifier, outputs: Int
  ) async -> [Result<RowOutputs, ServingFault>] {
    var outcomes: [Result<RowOutputs, ServingFault>] = Array(
      repeating: .failure(.failed("the batch has no answer")), count: batch.count)
    var places: [[Int]: [Int]] = [:]
    for (place, rows) in batch.enumerated() { places[rows.shape, default: []].append(place) }
    for (shape, members) in places.sorted(by: { $0.value[0] < $1.value[0] }) {
      let computed = await compute(members.map { batch[$0] }, shape: shape, frozen)
      switch computed {
      case .failure(let fault): for place in members { outcomes[place] = .failure(fault) }
      case .success(let (values, probabilities)):
        var row = 0
        for place in members {
          let part = row * outputs..<(row + batch[place].count) * outputs
          row += batch[place].count
          guard part.upperBound <= values.count, values[part].allSatisfy(\.isFinite) else {
            outcomes[place] = .failure(.notFinite)
            continue
          }
          outcomes[place] = .success(
            RowOutputs(values: Array(values[part]), probabilities: Array(probabilities[part]), width: outputs))
        }
      }
    }
    return outcomes
  }

  private static func compute(
    _ batch: [PreparedRows], shape: [Int], _ frozen: InferenceClassifier
  ) async -> Result<(values: [Float], probabilities: [Float]), ServingFault> {
    do throws(ConfigurationFault) {
      let rows = batch.reduce(0) { $0 + $1.count }
      let (values, probabilities) = try await Compute.enqueue {
        () throws(ConfigurationFault) -> ([Float], [Float]) in
        let x = Tensor(joining: batch.flatMap(\.parts), shape: [rows] + shape)
        let y = try frozen.predict(x)
        return (y.scalars, inference { softmax(y) }.scalars)
      }
      return .success((values, probabilities))
    } catch {
      return .failure(.unsuited("\(error)"))
    }
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

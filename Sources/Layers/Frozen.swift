import AviaryTensors

/// A model in use: any number of tasks may share it, and their calls are served one after the other. It has the values that
/// the model had when it was frozen, and is not trained. The first call prepares weights for those that follow.
public struct InferenceModel<Model: Layer>: Sendable {
  private let content: Confined<(model: Model, bindings: [ObjectIdentifier: AnyObject])>

  fileprivate init(_ model: Model, bindings: [ObjectIdentifier: AnyObject]) {
    content = Confined((model, bindings))
  }

  /// Calls the model as its own signature asks, with several inputs for instance:
  ///
  /// ```swift
  /// let scores = frozen.run { model in model(question, document) }
  /// ```
  public func run<Result: Sendable, Failure>(
    _ body: (Model) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let content = content.unchanging
    return try inference(binding: content.bindings) { () throws(Failure) -> Result in try body(content.model) }
  }
}

extension InferenceModel where Model: UnaryLayer {
  /// What the model makes of an input that is known to fit; one that does not stops the program.
  public func callAsFunction(_ x: Tensor) -> Tensor { run { $0(x) } }
}

extension InferenceModel where Model: Network & UnaryLayer & SendableMetatype {
  /// What the model makes of an input from elsewhere, such as a request: one that does not fit is an error.
  public func predict(_ x: Tensor) throws(ConfigurationFault) -> Tensor {
    try run { (model) throws(ConfigurationFault) -> Tensor in
      try model.configuration.validate(batch: x)
      return model(x)
    }
  }

  /// The same as a part of the calling task, which is suspended until it has the answer: no thread of the pool waits.
  public func predict(_ x: Tensor) async throws(ConfigurationFault) -> Tensor {
    try await Compute.enqueue { () throws(ConfigurationFault) -> Tensor in try predict(x) }
  }
}

extension NetworkConfiguration {
  /// Refuses a batch [N, …] whose items the network does not take, or that is empty.
  fileprivate func validate(batch: Tensor) throws(ConfigurationFault) {
    guard batch.count > 0 else { throw .emptyInput(shape: batch.shape) }
    try validate(input: Array(batch.shape.dropFirst()))
  }
}

extension Layer {
  /// A copy that any number of tasks may use at once; it predicts and cannot be trained. Later changes of this model do not
  /// reach it.
  public func frozenForInference() -> InferenceModel<Self> {
    InferenceModel(self, bindings: snapshot())
  }

  /// The values of the cells that inference reads, by the cells' identity.
  fileprivate func snapshot() -> [ObjectIdentifier: AnyObject] {
    var values: [ObjectIdentifier: AnyObject] = [:]
    for entry in inventory.cells {
      switch entry.cell {
      case let cell as Parameter: values[cell.identity] = cell.snapshot()
      case let cell as Buffer: values[cell.identity] = cell.snapshot()
      case let cell as Setting: values[cell.identity] = cell.snapshot()
      default: break
      }
    }
    return values
  }
}

/// A classifier in use, whatever its type: see `InferenceModel`.
public struct InferenceClassifier: Sendable {
  private let content: Confined<(model: any Classifier, bindings: [ObjectIdentifier: AnyObject])>

  fileprivate init(_ model: any Classifier, bindings: [ObjectIdentifier: AnyObject]) {
    content = Confined((model, bindings))
  }

  /// The logits of an input that is known to fit: [N, …] → [N, outputs]. One that does not stops the program.
  public func callAsFunction(_ x: Tensor) -> Tensor { run { $0(x) } }

  /// The logits of an input from elsewhere, such as a request: one that does not fit is an error.
  public func predict(_ x: Tensor) throws(ConfigurationFault) -> Tensor {
    try run { (model) throws(ConfigurationFault) -> Tensor in
      try model.configuration.validate(batch: x)
      return model(x)
    }
  }

  /// The same as a part of the calling task, which is suspended until it has the answer: no thread of the pool waits.
  public func predict(_ x: Tensor) async throws(ConfigurationFault) -> Tensor {
    try await Compute.enqueue { () throws(ConfigurationFault) -> Tensor in try predict(x) }
  }

  /// Works with the classifier: its features, for instance.
  public func run<Result: Sendable, Failure>(
    _ body: (any Classifier) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let content = content.unchanging
    return try inference(binding: content.bindings) { () throws(Failure) -> Result in try body(content.model) }
  }
}

extension Classifier {
  /// A copy that any number of tasks may use at once; it predicts and cannot be trained. Later changes of this model do not
  /// reach it.
  public func frozenForInference() -> InferenceClassifier { InferenceClassifier(self, bindings: snapshot()) }
}

import Aviary

// What the server and its models say of themselves.

extension InferenceService {
  static let platform = "aviary"

  var serverMetadata: WebResponse {
    .json(
      .members([
        "name": .text(Self.platform), "version": .text(options.version),
        "extensions": .texts(["classification", "binary_tensor_data", "model_repository", "model_configuration"]),
      ]))
  }

  var repository: WebResponse {
    .json(
      .array(
        store.models.map { model in
          .members([
            "name": .text(model.name), "version": .text(model.version), "state": .text("READY"), "reason": .text(""),
          ])
        }))
  }

  /// What the page needs to know.
  var modelList: WebResponse {
    .json(
      .members([
        "models": .array(
          store.models.map { model in
            var members: [JSONValue.Member] = [
              .init("name", .text(model.name)), .init("version", .text(model.version)),
              .init("architecture", .text(model.architecture)),
            ]
            switch model.kind {
            case .images: members += [.init("kind", .text("images")), .init("classes", .texts(model.classes))]
            case .rows(let preprocessing):
              members += [
                .init("kind", .text("rows")), .init("columns", .texts(preprocessing.columnNames)),
                .init("target", .text(preprocessing.target.name)), .init("classes", .texts(model.classes)),
              ]
            }
            return .object(members + Self.thresholds(of: model))
          })
      ]))
  }

  /// By what classes are predicted, where it is not the largest probability: the outputs of an inference are probabilities
  /// all the same.
  private static func thresholds(of model: ServedModel) -> [JSONValue.Member] {
    model.decision.thresholds.map { [.init("thresholds", .array($0.values.map { .real($0) }))] } ?? []
  }

  func metadata(of model: ServedModel) -> WebResponse {
    var members: [JSONValue.Member] = [
      .init("name", .text(model.name)), .init("versions", .texts([model.version])),
      .init("platform", .text(Self.platform)),
      .init("inputs", .array([Self.tensor("input", "FP32", model.inputShape)])),
      .init("outputs", .array(model.outputNames.map { Self.tensor($0, "FP32", [-1, model.outputCount]) })),
    ]
    if case .images = model.kind {
      // What the input may be instead.
      members.append(
        .init(
          "alternatives",
          .array([Self.tensor("input", "UINT8", [-1, -1, -1, 3]), Self.tensor("input", "BYTES", [-1])])))
    }
    return .json(.object(members + Self.thresholds(of: model)))
  }

  private static func tensor(_ name: String, _ datatype: String, _ shape: [Int]) -> JSONValue {
    .members(["name": .text(name), "datatype": .text(datatype), "shape": .array(shape.map { .integer($0) })])
  }

  /// As Triton describes a model, for its tools.
  func configuration(of model: ServedModel) -> WebResponse {
    func tensor(_ name: String, _ sizes: some Sequence<Int>) -> JSONValue {
      .members([
        "name": .text(name), "data_type": .text("TYPE_FP32"), "dims": .array(sizes.map { .integer($0) }),
      ])
    }
    return .json(
      .members([
        "name": .text(model.name), "platform": .text(Self.platform), "backend": .text(Self.platform),
        "max_batch_size": .integer(model.mostRows), "input": .array([tensor("input", model.inputShape.dropFirst())]),
        "output": .array(model.outputNames.map { tensor($0, [model.outputCount]) }),
        "dynamic_batching": .members([
          "max_queue_delay_microseconds": .integer(Int(model.limits.delay.inSeconds * 1e6)),
          "preferred_batch_size": .array([.integer(model.limits.batch)]),
        ]),
      ]))
  }
}

extension ServedModel {
  /// The tensors that an inference may ask for.
  var outputNames: [String] { classes.isEmpty ? ["values"] : ["probabilities", "logits"] }
}

import Aviary

// The Open Inference Protocol's inference.

extension InferenceService {
  func infer(_ request: WebRequest, _ model: ServedModel) async throws(ServingFault) -> WebResponse {
    let headerLength = request.head.headers["inference-header-content-length"]
    let body = request.body
    let inference = try await pool.run { () throws(ServingFault) in
      try InferenceRequest(body, headerLength: headerLength)
    }
    guard let microseconds = inference.timeout else { return try await answer(inference, model) }
    let seconds = Double(microseconds) / 1e6
    return try await inTime(.now + .seconds(seconds), else: .deadline(seconds: seconds)) {
      () async throws(ServingFault) in
      try await self.answer(inference, model)
    }
  }

  private func answer(_ inference: InferenceRequest, _ model: ServedModel) async throws(ServingFault) -> WebResponse {
    guard inference.inputs.count == 1 else {
      throw .unsuited("model '\(model.name)' has one input, 'input', and the request has \(inference.inputs.count)")
    }
    let input = inference.inputs[0]
    guard input.name == "input" else {
      throw .unsuited("model '\(model.name)' has no input '\(input.name)'; it has 'input'")
    }
    let asked = inference.outputs ?? model.outputNames.map { .init(name: $0, isBinary: inference.hasBinaryOutputs) }
    if let unknown = asked.first(where: { !model.outputNames.contains($0.name) }) {
      throw .unsuited(
        "model '\(model.name)' has no output '\(unknown.name)'; it has \(model.outputNames.joined(separator: ", "))")
    }
    let rows = try await rows(of: input, model)
    guard rows.count <= model.mostRows else {
      throw .unsuited("a batch of \(rows.count) is more than the \(model.mostRows) that model '\(model.name)' takes")
    }
    let found = try await model.outputs(rows)
    let outputs = asked.map { output in
      InferenceResponse.Output(
        output, values: model.numbers(of: found, output.name), width: found.width, labels: model.classes
      ) { row, values in model.order(of: found, row, values) }
    }
    return InferenceResponse(model: model.name, version: model.version, id: inference.id, outputs: outputs).response
  }

  /// The rows that an input stands for: numbers as the network takes them, pixels, or files of pictures.
  private func rows(of input: InferenceTensor, _ model: ServedModel) async throws(ServingFault) -> PreparedRows {
    // Before anything is decoded.
    let isOnePicture = input.elements.datatype == .uint8 && input.shape.count == 3
    let count = isOnePicture ? 1 : input.shape[0]
    guard count <= model.mostRows else {
      throw .unsuited("a batch of \(count) is more than the \(model.mostRows) that model '\(model.name)' takes")
    }
    switch (input.elements, model.kind) {
    case (.float32(let values), _): return try numbers(values, input.shape, model)
    case (.uint8(let values), .rows): return try numbers(values.map { Float($0) }, input.shape, model)
    case (.uint8(let pixels), .images(let preprocessing)):
      let pictures = try await preparation(preprocessing).prepared(pixels: pixels, shape: input.shape)
      return try PreparedRows(pictures, channels: preprocessing.channels.count)
    case (.bytes(let files), .images(let preprocessing)):
      let pictures = try await preparation(preprocessing).prepared(files) { "image \($0)" }
      return try PreparedRows(pictures, channels: preprocessing.channels.count)
    case (.bytes, .rows):
      throw .unsuited("model '\(model.name)' takes numbers, its prepared features; POST /predict takes rows as JSON")
    }
  }

  /// Numbers as the network takes them.
  private func numbers(
    _ values: [Float], _ shape: [Int], _ model: ServedModel
  ) throws(ServingFault) -> PreparedRows {
    let expected = model.inputShape
    guard shape.count == expected.count, zip(shape, expected).allSatisfy({ $1 == -1 || $0 == $1 }) else {
      throw .unsuited("input 'input' has the shape \(shape); model '\(model.name)' takes \(expected)")
    }
    return PreparedRows(values, count: shape[0], shape: Array(shape.dropFirst()))
  }

  func preparation(_ preprocessing: Preprocessing) -> PicturePreparation {
    PicturePreparation(preprocessing: preprocessing, pool: pool, pixelLimit: options.pixelLimit)
  }
}

extension ServedModel {
  /// The numbers of an output that an inference asks for.
  fileprivate func numbers(of outputs: RowOutputs, _ name: String) -> [Float] {
    switch (name, kind) {
    case ("probabilities", _): outputs.probabilities
    case ("values", .rows(let preprocessing)): outputs.values.map { Float(preprocessing.restored($0)) }
    default: outputs.values
    }
  }

  /// The places of the numbers of a row: the predicted class first, or the largest number.
  fileprivate func order(of outputs: RowOutputs, _ row: Int, _ values: [Float]) -> [Int] {
    // Thresholds are of probabilities, whichever output is asked for.
    decision.order(decision.thresholds == nil ? values : Array(outputs.probabilities(of: row)))
  }
}

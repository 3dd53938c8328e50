import Aviary
import AviaryDiagnostics
import AviaryExplanations

// What a person sends with curl: a picture or rows, and gets classes, numbers or a heat map.

extension InferenceService {
  func predict(_ request: WebRequest, model name: String?) async throws(ServingFault) -> WebResponse {
    let content = try await PlainContent(request, options: Self.options(["top"], model: name), pool)
    let model = try store.model(name ?? content.options["model"])
    let top = try content.number("top", in: 1...10_000) ?? 5
    let predictions: [Prediction]
    var notes: [String] = []
    switch model.kind {
    case .images(let preprocessing):
      let files = try content.pictures(for: model)
      guard files.count <= model.mostRows else {
        throw .unsuited(
          "\(files.count) pictures are more than the \(model.mostRows) that model '\(model.name)' takes at once")
      }
      let names = files.map(\.name)
      let pictures = try await preparation(preprocessing).prepared(files.map(\.bytes)) { names[$0] }
      let outputs = try await model.outputs(PreparedRows(pictures, channels: preprocessing.channels.count))
      predictions = names.enumerated().map { place, name in
        Prediction([.init("image", .text(name))], outputs.probabilities(of: place), model, top: top)
      }
    case .rows(let preprocessing):
      let rows = try TableRows(content.json(for: model), limit: model.mostRows)
      (predictions, notes) = try await self.predictions(of: rows, preprocessing, model, top: top)
    }
    return Self.response(request, model, predictions, notes)
  }

  /// The options of a request, and the model, unless the path names it.
  private static func options(_ names: [String], model name: String?) -> [String] {
    names + (name == nil ? ["model"] : [])
  }

  private func predictions(
    of rows: TableRows, _ preprocessing: TablePreprocessing, _ model: ServedModel, top: Int
  ) async throws(ServingFault) -> (predictions: [Prediction], notes: [String]) {
    let features = try await pool.run { () throws(ServingFault) in try rows.features(for: preprocessing) }
    var found: [Int: Prediction] = [:]
    if features.count > 0 {
      let outputs = try await model.outputs(
        PreparedRows(features.values, count: features.count, shape: [features.width]))
      for (place, row) in features.rows.enumerated() {
        found[row] =
          model.classes.isEmpty
          ? Prediction([.init("row", .integer(row))], preprocessing.restored(outputs.values[place]))
          : Prediction([.init("row", .integer(row))], outputs.probabilities(of: place), model, top: top)
      }
    }
    let predictions = rows.rows.indices.map { row in
      found[row]
        ?? Prediction(
          [.init("row", .integer(row))], fault: "a value is missing, and the network was trained without such rows")
    }
    return (predictions, rows.notes(on: features, for: preprocessing))
  }

  func explain(_ request: WebRequest, model name: String?) async throws(ServingFault) -> WebResponse {
    let content = try await PlainContent(request, options: Self.options(["class", "method"], model: name), pool)
    if let method = content.options["method"], !method.isExactly("gradcam") {
      throw .malformed(
        "method is '\(method.prefix(40))'; the server explains by gradcam alone, and aviary explain by others")
    }
    let model = try store.model(name ?? content.options["model"])
    guard case .images(let preprocessing) = model.kind else {
      throw .unsuited(
        "model '\(model.name)' reads rows, and pictures are explained; use aviary explain --method permutation")
    }
    let files = try content.pictures(for: model)
    guard files.count == 1 else { throw .unsuited("one picture is explained at a time, not \(files.count)") }
    let output = try content.options["class"].map { (name) throws(ServingFault) in try model.output(named: name) }
    let prepared = try await preparation(preprocessing).prepared(files[0].bytes, named: files[0].name)
    let rows = try PreparedRows([prepared], channels: preprocessing.channels.count)
    let found = try await model.explanations.submit(
      ExplainedPicture(picture: prepared.picture, rows: rows, output: output))
    let accept = request.head.headers["accept"]
    let explained = model.classes[found.output]
    let note = flatRemark(found.map, by: "gradcam", of: explained)
    let members: [JSONValue.Member] = [
      .init("class", .text(explained)), .init("probability", .real(found.probabilities[found.output])),
      .init("layer", .text(found.layer)),
    ]
    if MediaType.accepts("text/plain", in: accept) {
      let share = found.probabilities[found.output]
      return .text("\(explained) \(share)\nGrad-CAM of layer \(found.layer)\n" + (note.map { $0 + "\n" } ?? ""))
    }
    // Clients of KServe's first protocol expect JSON.
    let isJSON =
      MediaType.accepts("application/json", in: accept) || name != nil && !MediaType.accepts("image/png", in: accept)
    if isJSON {
      let map = stride(from: 0, to: found.map.count, by: found.width).map { start in
        JSONValue.array(found.map[start..<start + found.width].map { .real($0) })
      }
      let best = Prediction([], found.probabilities[...], model, top: 5)
      let beginning: [JSONValue.Member] = [
        .init("model", .text(model.name)), .init("version", .text(model.version)), .init("method", .text("gradcam")),
      ]
      let notes: [JSONValue.Member] = note.map { [.init("notes", .texts([$0]))] } ?? []
      return .json(.object(beginning + members + best.members + [.init("map", .array(map))] + notes))
    }
    let png = try await pool.run { () throws(ServingFault) in found.png }
    // Names of classes may have any letters, and headers may not.
    var headers = [
      ("X-Class", Self.encoded(explained)), ("X-Probability", "\(found.probabilities[found.output])"),
      ("X-Layer", Self.encoded(found.layer)),
    ]
    if let note { headers.append(("X-Note", Self.encoded(note))) }
    return WebResponse(type: "image/png", png, headers: headers)
  }

  /// A text as part of an address has it: `%20` for a space.
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      if byte < 0x80,
        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "-._~".unicodeScalars.contains(scalar)
      {
        result.unicodeScalars.append(scalar)
      } else {
        result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }

  /// - Parameter notes: what a person should know about how the rows were understood, for answers in JSON.
  private static func response(
    _ request: WebRequest, _ model: ServedModel, _ predictions: [Prediction], _ notes: [String]
  ) -> WebResponse {
    if MediaType.accepts("text/plain", in: request.head.headers["accept"]) {
      return .text(predictions.map(\.text).joined(separator: "\n") + "\n")
    }
    let members: [JSONValue.Member] = [
      .init("model", .text(model.name)), .init("version", .text(model.version)),
      .init("predictions", .array(predictions.map { .object($0.members) })),
    ]
    return .json(.object(members + (notes.isEmpty ? [] : [.init("notes", .texts(notes))])))
  }
}

/// The answer for one picture or row, as `aviary predict --json` writes it.
struct Prediction {
  let members: [JSONValue.Member]
  /// Lines for a person.
  let text: String

  /// The classes, the predicted one first.
  init(_ place: [JSONValue.Member], _ probabilities: ArraySlice<Float>, _ model: ServedModel, top: Int) {
    let shares = Array(probabilities)
    let names = model.decision.order(shares).prefix(top).map { (model.classes[$0], shares[$0]) }
    members =
      place + [
        .init("classes", .array(names.map { .members(["name": .text($0), "probability": .real($1)]) }))
      ]
    text = names.map { "\($1) \($0)" }.joined(separator: "\n")
  }

  /// A number.
  init(_ place: [JSONValue.Member], _ value: Double) {
    members = place + [.init("value", .real(value))]
    text = "\(value)"
  }

  init(_ place: [JSONValue.Member], fault: String) {
    members = place + [.init("error", .text(fault))]
    text = "error: \(fault)"
  }
}

extension ServedModel {
  /// The position of a class.
  fileprivate func output(named name: String) throws(ServingFault) -> Int {
    guard let output = classes.firstIndex(where: { $0.isExactly(name) }) else {
      let near = nearestName(to: name, among: classes)
      throw .malformed(
        "model '\(self.name)' has no class '\(name.prefix(80))'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
    }
    return output
  }
}

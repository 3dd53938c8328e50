import Aviary

/// The readers of strangers' bytes by themselves, for programs that feed them with damaged ones.
package enum RequestReaders {
  /// A body of the Open Inference Protocol, and the answer that it would get.
  package static func inference(_ body: [UInt8], headerLength: String?) {
    guard let request = try? InferenceRequest(body, headerLength: headerLength) else { return }
    let asked = request.outputs ?? [.init(name: "probabilities", isBinary: request.hasBinaryOutputs)]
    let outputs = asked.prefix(8).map {
      InferenceResponse.Output($0, values: [0.25, 0.75], width: 2, labels: ["a", "b"]) {
        ClassDecision.mostProbable.order($1)
      }
    }
    _ = InferenceResponse(model: "m", version: "1", id: request.id, outputs: outputs).response
  }

  /// What was packed for its way, up to a limit; nil for what is refused, or is not packed.
  package static func unpacked(_ body: [UInt8], encoding: String) -> [UInt8]? {
    guard let packed = try? PackedBody(RequestHead(.post, "/", headers: ["content-encoding": encoding])) else {
      return nil
    }
    let limit = 1 << 16
    let unpacked = try? packed.unpacked(body, limit: limit)
    precondition(unpacked?.count ?? 0 <= limit, "a body of \(limit) bytes at most has \(unpacked?.count ?? 0)")
    return unpacked
  }

  /// A form.
  package static func form(_ body: [UInt8], boundary: String) {
    for part in (try? MultipartBody(body, boundary: boundary))?.parts ?? [] { _ = part.text }
  }

  /// Rows of a table, as JSON.
  package static func rows(_ body: [UInt8]) {
    guard let value = try? JSONValue(parsing: body), let rows = try? TableRows(value, limit: 1000) else { return }
    if let preprocessing { _ = try? rows.features(for: preprocessing) }
  }

  /// The target of a request, or the value of a header.
  package static func head(_ text: String) {
    _ = try? Route(RequestHead(.post, text, headers: ["content-type": text]))
    _ = MediaType(text)
    _ = MediaType.accepts("image/png", in: text)
  }

  private static let preprocessing = try? TablePreprocessing(
    fitting: Table([
      .init("age", .numeric([1, 2, 3, 4])), .init("colour", .categorical(["red", "blue", "red", "true"])),
      .init("kind", .categorical(["a", "b", "a", "b"])),
    ]), TableSettings(target: "kind"))
}

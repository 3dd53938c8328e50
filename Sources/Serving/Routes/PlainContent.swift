import Aviary
import AviaryDiagnostics

/// What is in the body of a plain request: a picture as it is, a form with pictures and fields, or JSON.
struct PlainContent: Sendable {
  typealias File = (name: String, bytes: [UInt8])

  private enum Body: Sendable {
    case file([UInt8])
    case form([MultipartBody.Part])
    case json(JSONValue)
  }

  /// Of the query and, where there is a form, of its fields, by name. The query comes first.
  let options: [String: String]
  private let body: Body

  /// - Parameter known: the options that the route heeds; others are refused.
  init(_ request: WebRequest, options known: [String], _ pool: WorkerPool) async throws(ServingFault) {
    if let odd = request.head.unheededQuery {
      throw .malformed("'\(odd.prefix(40))' in the address is not a parameter, or was given before; give each once")
    }
    try Self.check(Array(request.head.query.keys), known)
    let bytes = request.body
    guard !bytes.isEmpty else { throw .malformed("the body is empty; send a picture, or rows as JSON") }
    let type = MediaType(request.head.headers["content-type"] ?? "")
    var options = request.head.query
    switch type.name {
    case "multipart/form-data":
      guard let boundary = type.parameters["boundary"] else { throw .malformed("the form has no boundary") }
      let form = try await pool.run { () throws(ServingFault) in try MultipartBody(bytes, boundary: boundary) }
      var fields: [String: String] = [:]
      for part in form.parts where part.file == nil {
        guard part.content.count <= 1000, let text = part.text else {
          throw .malformed(
            "field '\(part.name.prefix(40))' is not a short text; send a picture as a file, as curl -F image=@PHOTO.jpg does"
          )
        }
        guard fields.updateValue(text, forKey: part.name) == nil else {
          throw .malformed("the form has the field '\(part.name.prefix(40))' twice; give each once")
        }
      }
      try Self.check(Array(fields.keys), known)
      options.merge(fields) { first, _ in first }
      body = .form(form.parts)
    case "application/json",
      _ where Self.isUnnamedJSON(bytes, type):
      body = .json(
        try await pool.run { () throws(ServingFault) in
          do throws(JSONValue.Fault) { return try JSONValue(parsing: bytes) } catch {
            throw .malformed("the body is not JSON, at byte \(error.offset): \(error.reason)")
          }
        })
    default: body = .file(bytes)
    }
    self.options = options
  }

  /// Whether it is JSON that is not called that: `curl -d` calls everything the fields of a form. No picture begins like it.
  private static func isUnnamedJSON(_ bytes: [UInt8], _ type: MediaType) -> Bool {
    let first = bytes.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
    // What is long is to be called JSON before it is read: it takes far more memory than a picture.
    return ["", "application/x-www-form-urlencoded"].contains(type.name) && bytes.count <= 1 << 20
      && [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(first)
  }

  /// Refuses an option that nothing would heed: a misspelt one would be taken for obeyed.
  private static func check(_ names: [String], _ known: [String]) throws(ServingFault) {
    guard let odd = names.sorted().first(where: { name in !known.contains { $0.isExactly(name) } }) else { return }
    throw .malformed(
      "unknown parameter '\(odd.prefix(40))'; "
        + (nearestName(to: odd, among: known).map { "did you mean '\($0)'?" }
          ?? "the route takes \(known.joined(separator: ", "))"))
  }

  /// A number among the options.
  func number(_ name: String, in range: ClosedRange<Int>) throws(ServingFault) -> Int? {
    guard let text = options[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .malformed("\(name) is '\(text.prefix(40))'; it is from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The pictures: the body, the files of the form, or what JSON has in Base64.
  func pictures(for model: ServedModel) throws(ServingFault) -> [File] {
    switch body {
    case .file(let bytes): return [("image", bytes)]
    case .form(let parts):
      let files = parts.filter { $0.file != nil }
      guard !files.isEmpty else { throw .malformed("the form has no file; send one, as curl -F image=@PHOTO.jpg does") }
      return files.map { ($0.file.map { String($0.prefix(200)) } ?? $0.name, Array($0.content)) }
    case .json(let value):
      // KServe's first protocol.
      guard let instances = try value.onlyList(of: ["instances"]), !instances.isEmpty else {
        throw .unsupportedBody(
          "model '\(model.name)' reads pictures; send one as the body or in a form, or {\"instances\": [{\"b64\": …}]}")
      }
      var files: [File] = []
      for (place, instance) in instances.enumerated() {
        let text = instance["b64"]?.text ?? instance["image"]?["b64"]?.text ?? instance["image_bytes"]?["b64"]?.text
        guard let bytes = text.flatMap({ Base64.decoded($0) }) else {
          throw .malformed("instance \(place) has no picture in Base64, as \"b64\"")
        }
        files.append(("image \(place)", bytes))
      }
      return files
    }
  }

  /// The JSON of rows.
  func json(for model: ServedModel) throws(ServingFault) -> JSONValue {
    guard case .json(let value) = body else {
      throw .unsupportedBody(
        "model '\(model.name)' reads rows of a table; send JSON, with Content-Type: application/json")
    }
    return value
  }
}

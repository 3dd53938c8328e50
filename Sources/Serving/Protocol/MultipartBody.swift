/// A body of `multipart/form-data` (RFC 7578): the fields and files of a form.
struct MultipartBody: Sendable {
  struct Part: Sendable, Equatable {
    let name: String
    /// The name of the file; nil for a field.
    let file: String?
    let content: ArraySlice<UInt8>

    /// The content of a field.
    var text: String? { String(validating: content, as: UTF8.self) }
  }

  let parts: [Part]

  static let partLimit = 64
  private static let headerLimit = 8192

  init(_ body: [UInt8], boundary: String) throws(ServingFault) {
    // RFC 2046 allows 70 characters.
    guard (1...70).contains(boundary.utf8.count) else {
      throw .malformed("the form's boundary has \(boundary.utf8.count) characters; it has 1 to 70")
    }
    let delimiter = Array("\r\n--".utf8) + Array(boundary.utf8)
    var parts: [Part] = []
    // The first delimiter stands at the beginning of a line, which may be the first.
    var at: Int
    if body.starts(with: delimiter.dropFirst(2)) {
      at = delimiter.count - 2
    } else if let found = Self.find(delimiter, in: body, from: 0) {
      at = found + delimiter.count
    } else {
      throw .malformed("the body does not have the form's boundary")
    }
    while !body[at...].starts(with: [0x2d, 0x2d]) {
      // White space may follow a boundary.
      while at < body.count, body[at] == 0x20 || body[at] == 0x09 { at += 1 }
      guard body[at...].starts(with: [0x0d, 0x0a]) else { throw Self.unfinished }
      guard let end = Self.find(delimiter, in: body, from: at) else { throw Self.unfinished }
      guard parts.count < Self.partLimit else { throw .malformed("the form has more than \(Self.partLimit) parts") }
      parts.append(try Self.part(body[(at + 2)..<max(at + 2, end)]))
      at = end + delimiter.count
    }
    self.parts = parts
  }

  private static var unfinished: ServingFault { .malformed("the form ends within a part") }

  /// - Parameter bytes: headers, an empty line, and the content.
  private static func part(_ bytes: ArraySlice<UInt8>) throws(ServingFault) -> Part {
    var rest = bytes
    var (name, file): (String?, String?) = (nil, nil)
    var length = 0
    while true {
      guard let end = rest.firstIndex(of: 0x0a), length <= headerLimit else { throw unfinished }
      let line = rest[rest.startIndex..<end]
      length += line.count
      rest = rest[(end + 1)...]
      let text = trimmed(String(decoding: line.prefix(headerLimit), as: UTF8.self))
      if text.isEmpty { break }
      guard let colon = text.firstIndex(of: ":"), text[..<colon].lowercased() == "content-disposition" else { continue }
      let disposition = MediaType(String(text[text.index(after: colon)...]))
      name = disposition.parameters["name"]
      file = disposition.parameters["filename"]
    }
    guard let name else { throw .malformed("a part of the form has no name") }
    return Part(name: name, file: file, content: rest)
  }

  private static func find(_ pattern: [UInt8], in body: [UInt8], from start: Int) -> Int? {
    guard body.count >= pattern.count else { return nil }
    var at = start
    let last = body.count - pattern.count
    while at <= last {
      if body[at] == pattern[0], body[at..<at + pattern.count].elementsEqual(pattern) { return at }
      at += 1
    }
    return nil
  }
}

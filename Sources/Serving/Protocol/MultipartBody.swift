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
    var found: Delimiter?
    if body.starts(with: delimiter.dropFirst(2)) { found = Self.ending(of: body, at: delimiter.count - 2, start: 0) }
    found = found ?? Self.find(delimiter, in: body, from: 0)
    guard var last = found else { throw .malformed("the body does not have the form's boundary") }
    while !last.isLast {
      // The line's end before a delimiter is the delimiter's own, and may be that of an empty part.
      guard let next = Self.find(delimiter, in: body, from: last.end - 2) else { throw Self.unfinished }
      guard parts.count < Self.partLimit else { throw .malformed("the form has more than \(Self.partLimit) parts") }
      parts.append(try Self.part(body[last.end..<max(last.end, next.start)]))
      last = next
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

  /// A line that begins or ends parts.
  private struct Delimiter {
    /// Where the end of the line before it is.
    let start: Int
    /// Where the next line begins.
    let end: Int
    /// Whether no part follows.
    let isLast: Bool
  }

  /// The delimiter whose boundary ends at a place; nil for a line of a part that only begins like one.
  private static func ending(of body: [UInt8], at place: Int, start: Int) -> Delimiter? {
    if body[place...].starts(with: [0x2d, 0x2d]) { return Delimiter(start: start, end: place + 2, isLast: true) }
    // White space may follow a boundary.
    var at = place
    while at < body.count, body[at] == 0x20 || body[at] == 0x09 { at += 1 }
    guard body[at...].starts(with: [0x0d, 0x0a]) else { return nil }
    return Delimiter(start: start, end: at + 2, isLast: false)
  }

  private static func find(_ pattern: [UInt8], in body: [UInt8], from first: Int) -> Delimiter? {
    guard body.count >= pattern.count else { return nil }
    for at in first..<max(first, body.count - pattern.count + 1)
    where body[at] == pattern[0] && body[at..<at + pattern.count].elementsEqual(pattern) {
      if let found = ending(of: body, at: at + pattern.count, start: at) { return found }
    }
    return nil
  }
}

/// The secret that clients prove to have.
package struct APIKey: Sendable {
  private let bytes: [UInt8]

  /// - Returns: nil for a text that no header can have, or an empty one.
  package init?(_ text: String) {
    bytes = Array(trimmed(text).utf8)
    if bytes.isEmpty || bytes.contains(where: { $0 <= 0x20 || $0 >= 0x7f }) { return nil }
  }

  /// Whether a request has the key. How long this takes depends on what it has, not on how much of it is right.
  package func isGiven(in head: RequestHead) -> Bool {
    if let key = head.headers["x-api-key"] { return matches(key) }
    guard let words = head.headers["authorization"]?.split(separator: " ", maxSplits: 1), words.count == 2,
      words[0].lowercased() == "bearer"
    else { return false }
    return matches(trimmed(String(words[1])))
  }

  func matches(_ text: String) -> Bool {
    let given = Array(text.utf8)
    var difference: UInt8 = given.count == bytes.count ? 0 : 1
    for place in given.indices { difference |= given[place] ^ bytes[place % bytes.count] }
    return difference == 0
  }
}

/// A media type as `Content-Type` has it: `multipart/form-data; boundary=x`.
struct MediaType: Equatable {
  /// In small letters, without parameters.
  let name: String
  /// By names in small letters.
  let parameters: [String: String]

  init(_ text: String) {
    var parts = Self.split(text)
    name = parts.isEmpty ? "" : trimmed(parts.removeFirst()).lowercased()
    var parameters: [String: String] = [:]
    for part in parts {
      let sides = part.split(separator: "=", maxSplits: 1)
      guard sides.count == 2 else { continue }
      var value = trimmed(String(sides[1]))
      if value.count >= 2, value.first == "\"", value.last == "\"" {
        value = unescaped(value.dropFirst().dropLast())
      }
      let key = trimmed(String(sides[0])).lowercased()
      if parameters[key] == nil { parameters[key] = value }
    }
    self.parameters = parameters
  }

  /// At semicolons, but for those within quotes.
  private static func split(_ text: String) -> [String] {
    var parts = [""]
    var (isQuoted, isEscaped) = (false, false)
    for character in text {
      if character == ";", !isQuoted {
        parts.append("")
        continue
      }
      if character == "\"", !isEscaped { isQuoted.toggle() }
      isEscaped = isQuoted && character == "\\" && !isEscaped
      parts[parts.count - 1].append(character)
    }
    return parts
  }

  /// Whether a client that sends this in `Accept` wants a type rather than JSON: it is named, and comes before JSON.
  static func accepts(_ wanted: String, in header: String?) -> Bool {
    for part in (header ?? "").split(separator: ",") {
      let type = MediaType(String(part)).name
      if type == wanted { return true }
      if ["application/json", "*/*"].contains(type) { return false }
    }
    return false
  }
}

/// A text without the backslashes that stand before other characters.
private func unescaped(_ text: Substring) -> String {
  var result = ""
  var isEscaped = false
  for character in text {
    if character == "\\", !isEscaped {
      isEscaped = true
    } else {
      result.append(character)
      isEscaped = false
    }
  }
  return result
}

/// The text without white space at its ends.
func trimmed(_ text: String) -> String {
  let isSpace: (Character) -> Bool = \.isWhitespace
  return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
}

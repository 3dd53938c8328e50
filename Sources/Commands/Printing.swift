import AviaryArchives

/// Prints a line of results on standard output.
package func show(_ line: String) { print(printable(line)) }

/// The text with control characters and changes of the writing direction escaped: names and texts come from files that
/// may be hostile, and a terminal would act on them.
///
/// - Parameter keepingLines: whether line breaks and tabs are kept.
package func printable(_ text: String, keepingLines: Bool = false) -> String {
  func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7e: true
    case 0x09, 0x0a: keepingLines
    case 0x00...0x1f, 0x7f...0x9f: false
    // Line and paragraph separators; marks, embeddings, overrides and isolates of direction.
    case 0x2028...0x202e, 0x200e, 0x200f, 0x2066...0x2069, 0x061c: false
    // Bytes of file names that are not UTF-8.
    case 0xef80...0xefff: false
    default: true
    }
  }
  if text.unicodeScalars.allSatisfy(isShown) { return text }
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar {
    case _ where isShown(scalar): result.append(scalar)
    case _ where PathText.byte(of: scalar) != nil:
      result += "\\x\(String(scalar.value & 0xff, radix: 16))".unicodeScalars
    case "\n": result += "\\n".unicodeScalars
    case "\r": result += "\\r".unicodeScalars
    case "\t": result += "\\t".unicodeScalars
    default: result += "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars
    }
  }
  return String(result)
}

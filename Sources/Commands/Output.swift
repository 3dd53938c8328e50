import Aviary
import AviaryArchives
import AviaryDiagnostics
import Synchronization

/// Prints an error as one line on standard error.
package func complain(_ fault: any Swift.Error) { complain("\(fault)") }

/// Prints an error as one line on standard error.
package func complain(_ text: String) { printOnStandardError("error: " + text) }

/// Prints a line on standard error, for what is neither a result nor an error; nothing with `--quiet`.
package func tell(_ line: String) {
  if Notices.areSilenced || ToldLines.current?.isNew(line) == false { return }
  printOnStandardError(line)
}

/// Lines that are told once, however many have the same to say.
final class ToldLines: Sendable {
  /// Of what runs now; nil where each line is told as often as it comes.
  @TaskLocal static var current: ToldLines?

  private let lines = Mutex(ExactSet())

  fileprivate func isNew(_ line: String) -> Bool { lines.withLock { $0.insert(line) } }
}

/// Runs what has the same to say of data for each of several networks, and tells each line once.
func tellingOnce<Result>(_ body: () throws -> Result) rethrows -> Result {
  try ToldLines.$current.withValue(ToldLines(), operation: body)
}

private func printOnStandardError(_ line: String) {
  var output = StandardError()
  print(printable(line), to: &output)
}

/// Prints a JSON value as a line of results.
package func printJSON(_ value: JSONValue) {
  let text = value.serialized
  tellOfBytes(in: text)
  print(text)
}

/// Says once how names of files that are not UTF-8 stand in JSON and tables, where a text for a program has one: a terminal
/// is shown `\xe9`, and these have to lead back to the file.
package func tellOfBytes(in text: String) {
  // Such names have this byte, and hardly any other text has it.
  guard text.utf8.contains(0xee), text.unicodeScalars.contains(where: { PathText.byte(of: $0) != nil }),
    toldOfBytes.exchange(true, ordering: .relaxed) == false
  else { return }
  tell(
    "names that are not UTF-8 are in the output: there, the characters U+EF80 to U+EFFF stand for their bytes 80 to ff"
  )
}

private let toldOfBytes = Atomic(false)

/// Rows as lines with aligned columns, two spaces apart; the columns in `right` are aligned to the right.
package func table(_ rows: [[String]], right: Set<Int> = []) -> [String] {
  // Their width is that of the printable text.
  let rows = rows.map { $0.map { printable($0) } }
  let columns = rows.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
  return rows.map { row in
    var line = ""
    for (column, cell) in row.enumerated() {
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      line += (column > 0 ? "  " : "") + (right.contains(column) ? padding + cell : cell + padding)
    }
    while line.last == " " { line.removeLast() }
    return line
  }
}

/// A number with thousands separators.
package func grouped(_ number: Int) -> String {
  let digits = Array(String(number))
  return digits.indices.reduce(into: "") { text, index in
    if index > 0, (digits.count - index) % 3 == 0, text != "-" { text += "," }
    text.append(digits[index])
  }
}

/// A number with this many digits after the point.
package func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((abs(value) * Double(scale)).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  let fraction = String(scaled % scale)
  let whole = sign + String(scaled / scale)
  return digits == 0 ? whole : whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// A fraction in percent with one digit.
package func percent(_ share: Double) -> String { fixed(100 * share, 1) + " %" }

/// "1 image", "2 images".
package func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

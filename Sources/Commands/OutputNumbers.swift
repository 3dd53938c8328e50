import Aviary

// What a network puts out, as the commands write it.

extension OutputNumbers {
  /// In words.
  ///
  /// - Parameter most: how many numbers are shown; nil for all.
  func line(atMost most: Int? = nil) -> String {
    let shown = values.prefix(most ?? values.count).map { "\(significant($0, 6))" }.joined(separator: ", ")
    return shown + (values.count > (most ?? values.count) ? ", … (\(counts))" : "")
  }

  /// How many there are, at each position if they have any.
  var counts: String { "\(shape.map(String.init).joined(separator: "×")) number\(values.count == 1 ? "" : "s")" }

  /// As members of a JSON object.
  var members: [JSONValue.Member] {
    if values.count == 1 { return [.init("value", .real(values[0]))] }
    let numbers = JSONValue.Member("values", .array(values.map { .real($0) }))
    return shape.count > 1 ? [numbers, .init("shape", .array(shape.map { .integer($0) }))] : [numbers]
  }
}

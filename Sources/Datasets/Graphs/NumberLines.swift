import AviaryArchives

/// A text file of numbers separated by commas, a row a line, as the TU collection has them. It is read from its bytes: such
/// files have millions of lines.
struct NumberLines {
  let path: String
  private let bytes: [UInt8]

  init(_ path: String) throws(GraphDataFault) {
    self.path = path
    bytes = try GraphFiles.contents(path).array()
  }

  /// The whole numbers of all lines, and how many each line has.
  ///
  /// - Parameters:
  ///   - width: how many numbers a line has to have; nil for as many as the first.
  ///   - meaning: what a line is, for faults.
  func integers(width: Int? = nil, _ meaning: String) throws(GraphDataFault) -> (values: [Int], width: Int) {
    try rows(width: width, meaning, Self.integer)
  }

  /// The same for any finite numbers.
  func floats(_ meaning: String) throws(GraphDataFault) -> (values: [Float], width: Int) {
    try rows(width: nil, meaning) { field in
      Float(String(decoding: field, as: UTF8.self)).flatMap { $0.isFinite ? $0 : nil }
    }
  }

  private func rows<Value>(
    width: Int?, _ meaning: String, _ value: (ArraySlice<UInt8>) -> Value?
  ) throws(GraphDataFault) -> (values: [Value], width: Int) {
    var values: [Value] = []
    var width = width
    var (number, start) = (0, 0)
    // Lines that may follow the last row are empty.
    let end = (bytes.lastIndex { !Self.isSpace($0) && $0 != Self.newline } ?? -1) + 1
    while start < end {
      number += 1
      let stop = bytes[start..<end].firstIndex(of: Self.newline) ?? end
      let line = bytes[start..<stop]
      var count = 0
      for field in line.split(separator: Self.comma, omittingEmptySubsequences: false) {
        guard let found = value(Self.trimmed(field)) else { throw bad(line, number, meaning) }
        values.append(found)
        count += 1
      }
      guard count == width ?? count else { throw bad(line, number, meaning) }
      width = count
      start = stop + 1
    }
    return (values, width ?? 0)
  }

  private func bad(_ line: ArraySlice<UInt8>, _ number: Int, _ meaning: String) -> GraphDataFault {
    .badLine(
      path: path, line: number, text: String(decoding: Self.trimmed(line).prefix(200), as: UTF8.self), expected: meaning
    )
  }

  private static let newline = UInt8(ascii: "\n")
  private static let comma = UInt8(ascii: ",")

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

  private static func trimmed(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard let first = field.firstIndex(where: { !isSpace($0) }), let last = field.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return field[first...last]
  }

  /// Digits with a sign, or another spelling of a whole number, such as `1.0` or `1e+00`.
  private static func integer(_ field: ArraySlice<UInt8>) -> Int? {
    var digits = field
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    if !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ (0x30...0x39).contains($0) }) {
      let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      return isNegative ? -value : value
    }
    return Double(String(decoding: field, as: UTF8.self)).flatMap { abs($0) < 0x1p53 ? Int(exactly: $0) : nil }
  }
}

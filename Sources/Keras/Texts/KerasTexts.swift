// Texts as inputs of a network: tensors of bytes.

import AviaryTensors

extension Tensor {
  /// Texts as a `KerasNetwork` takes them: [N, K, L], whose numbers are the bytes of UTF-8, and −1 after the end of a text.
  ///
  /// - Parameter rows: N rows of K texts.
  public init(texts rows: [[String]]) {
    let bytes = rows.map { $0.map { Array($0.utf8) } }
    let (columns, longest) = (bytes.first?.count ?? 0, bytes.joined().map(\.count).max() ?? 0)
    let length = Swift.max(1, longest)
    var scalars: [Float] = []
    scalars.reserveCapacity(rows.count * columns * length)
    for text in bytes.joined() {
      scalars += text.map { Float($0) }
      scalars += repeatElement(-1, count: length - text.count)
    }
    self.init(scalars, shape: [rows.count, columns, length])
  }

  /// The bytes of the texts of each row, whatever the numbers are.
  var texts: [[[UInt8]]] {
    let (columns, length) = (shape[1], shape[2])
    let scalars = scalars
    return (0..<shape[0]).map { row in
      (0..<columns).map { column in
        let start = (row * columns + column) * length
        return scalars[start..<start + length].prefix { $0 >= 0 }.map { UInt8(exactly: $0) ?? UInt8(ascii: "?") }
      }
    }
  }
}

/// Splits texts into words, as TensorFlow does.
struct KerasTokenizer: Codable, Equatable, Sendable {
  enum Split: String, Codable, Sendable { case whitespace, character }

  var lowers: Bool
  var stripsPunctuation: Bool
  /// Nil where a text is a word.
  var split: Split?
  /// The lengths of runs of words that are taken as words; nil for the words alone.
  var runs: [Int]?

  /// The words of a row of texts.
  func words(_ texts: [[UInt8]]) -> [[UInt8]] {
    let words = texts.flatMap { text in
      let plain = standardized(text)
      switch split {
      case .whitespace: return plain.split(whereSeparator: Self.isSpace).map { Array($0) }
      case .character: return String(decoding: plain, as: UTF8.self).unicodeScalars.map { Array(String($0).utf8) }
      case nil: return [plain]
      }
    }
    guard let runs else { return words }
    return runs.flatMap { length in
      (0..<max(0, words.count - length + 1)).map { Array(words[$0..<$0 + length].joined(separator: [0x20])) }
    }
  }

  /// Only letters of ASCII become small, and only its punctuation is taken away.
  private func standardized(_ text: [UInt8]) -> [UInt8] {
    text.compactMap { byte in
      if stripsPunctuation, Self.isPunctuation(byte) { return nil }
      return lowers && (0x41...0x5a).contains(byte) ? byte + 0x20 : byte
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  private static func isPunctuation(_ byte: UInt8) -> Bool {
    (0x21...0x2f).contains(byte) || (0x3a...0x40).contains(byte) || (0x5b...0x60).contains(byte)
      || (0x7b...0x7e).contains(byte)
  }
}
